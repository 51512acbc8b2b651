import { execFileSync } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"

/**
 * Writes a program that replaces ffmpeg: it makes its output at once and prints ffmpeg's messages, so that
 * the time of a job is the overhead of ffkiln. It needs a shell, so it does not run in the sandbox. Returns
 * its path.
 */
export const noOpTool = async (folder: string, ffmpeg: string): Promise<string> => {
  const [version = ""] = execFileSync(ffmpeg, ["-version"], { encoding: "utf8" }).split("\n")
  const path = join(folder, "no-op-ffmpeg")
  await writeFile(path, script(version), { mode: 0o755 })
  return path
}

const script = (version: string) => `#!/bin/sh
if [ "$1" = -version ]; then
  echo '${version.replaceAll("'", "")}'
  exit
fi
for output; do :; done
echo nothing > "\${output#file:}"
echo 'Output file #0 (made at once):' >&2
echo '  Output stream #0:0 (video): 1 packets muxed (8 bytes);' >&2
`
