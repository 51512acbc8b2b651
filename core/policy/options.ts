/** Accepted and dropped, since people paste them; true where a value follows. */
export const droppedOptions: Readonly<Record<string, boolean>> = {
  "-y": false,
  "-n": false,
  "-hide_banner": false,
  "-nostdin": false,
  "-stats": false,
  "-nostats": false,
  "-loglevel": true,
  "-v": true
}
