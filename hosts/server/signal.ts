/** The first SIGTERM or SIGINT; a second one while draining ends the process as usual. */
export const signal = (): { readonly received: Promise<void>; readonly ignore: () => void } => {
  let ignore = () => {}
  const received = new Promise<void>((resolve) => {
    const heard = () => {
      ignore()
      resolve()
    }
    ignore = () => {
      process.off("SIGTERM", heard)
      process.off("SIGINT", heard)
    }
    process.on("SIGTERM", heard)
    process.on("SIGINT", heard)
  })
  return { received, ignore }
}
