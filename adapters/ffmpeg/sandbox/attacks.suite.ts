import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** What a hostile task goes for: a file, and listeners on loopback and in the file system. */
export interface Prey {
  readonly folder: string
  /** Readable for everybody, holding `secret`. */
  readonly canary: string
  readonly secret: string
  readonly port: number
  readonly socket: string
  /** Connections that came. */
  readonly visits: () => number
  readonly close: () => Promise<void>
}

export const layOut = async (): Promise<Prey> => {
  const folder = await mkdtemp(join(tmpdir(), "prey-"))
  const secret = `secret ${randomUUID()}`
  const canary = join(folder, "open", "canary.txt")
  await chmod(folder, 0o755)
  await mkdir(join(folder, "open"))
  await writeFile(canary, secret)
  let visits = 0
  const open = new Set<Socket>()
  const listeners = [{ port: 0, host: "127.0.0.1" }, { path: join(folder, "open", "socket") }].map((where) =>
    createServer((connection) => {
      visits++
      open.add(connection)
      connection.on("error", () => {}).end("HTTP/1.0 200 OK\r\n\r\nhello")
    }).listen(where)
  )
  await Promise.all(listeners.map((listener) => once(listener, "listening")))
  const address = listeners[0]?.address()
  return {
    folder,
    canary,
    secret,
    port: typeof address === "object" && address !== null ? address.port : 0,
    socket: join(folder, "open", "socket"),
    visits: () => visits,
    close: async () => {
      for (const connection of open) connection.destroy()
      await Promise.all(listeners.map((listener) => new Promise((closed) => listener.close(closed))))
      await rm(folder, { recursive: true })
    }
  }
}

/** Whether the canary is as it was laid out. */
export const untouched = async ({ canary, secret }: Prey): Promise<boolean> =>
  (await readFile(canary, "utf8")) === secret

export interface Attack {
  readonly title: string
  /** ffmpeg's arguments, with no policy before them; what is stolen comes out as `a`. */
  readonly args: ReadonlyArray<string>
  /** It succeeds without a sandbox, which shows that the sandbox is what stops it. */
  readonly worksOpenly: boolean
}

const picture = ["-f", "lavfi", "-i", "color=s=16x16:d=0.1"]
/** Arguments that copy an input as it is to the output `a`. */
export const copyOf = (...input: ReadonlyArray<string>) => [
  ...input,
  "-map",
  "0",
  "-c",
  "copy",
  "-f",
  "data",
  "file:../out/a"
]
const bytesOf = (file: string) => copyOf("-f", "data", "-i", file)
const into = (file: string) => [...picture, "-c:v", "rawvideo", "-f", "rawvideo", file]

/** `neighbour` is a file in the work directory of another run. */
export const attacks = ({ canary, port, socket, folder }: Prey, neighbour: string): ReadonlyArray<Attack> => [
  ...[
    ["a file of the host", "/etc/passwd"],
    ["a file that everybody may read", canary],
    ["a file by a way up", `../../../../../../../..${canary}`],
    ["a file behind a subfile", `subfile,,start,0,end,9,,:${canary}`],
    ["a file by concat", `concat:${canary}|${canary}`],
    ["the input of another run", neighbour],
    ["a file through the first process", `/proc/1/root${canary}`],
    ["a file through its own process", `/proc/self/root${canary}`],
    ["a file through the first process's folder", `/proc/1/cwd/../../..${canary}`]
  ].map(([title = "", file = ""]) => ({
    title: `reads ${title}`,
    args: bytesOf(/^(subfile|concat)/.test(file) ? file : `file:${file}`),
    worksOpenly: !/\/proc\/1\//.test(file)
  })),
  ...[
    ["a file of the host", canary, true],
    ["a new file beside it", join(folder, "open", "new"), true],
    ["a new file among the inputs", "new", true],
    ["a new file beside in and out", "../new", true],
    ["shared memory", `/dev/shm/${folder.split("/").at(-1)}`, true],
    ["a library", "/usr/lib/new", false],
    ["a setting of the kernel", "/proc/sys/kernel/hostname", false],
    ["its own limits", "/proc/self/oom_score_adj", false],
    ["a device that is not there", "/dev/kmsg", false]
  ].map(([title, file, worksOpenly]) => ({
    title: `writes ${title}`,
    args: into(`file:${file}`),
    worksOpenly: worksOpenly === true
  })),
  {
    title: "draws a file of the host",
    args: [...picture, "-frames:v", "1", "-vf", `drawtext=textfile=${canary}`, "file:../out/a.png"],
    worksOpenly: true
  },
  { title: "sends a picture by TCP", args: into(`tcp://127.0.0.1:${port}`), worksOpenly: true },
  { title: "fetches by TCP", args: bytesOf(`tcp://127.0.0.1:${port}`), worksOpenly: true },
  { title: "fetches by HTTP", args: bytesOf(`http://127.0.0.1:${port}/`), worksOpenly: true },
  { title: "fetches by HTTP from a name", args: bytesOf(`http://localhost:${port}/`), worksOpenly: true },
  { title: "fetches over a socket in the file system", args: bytesOf(`unix:${socket}`), worksOpenly: true },
  { title: "listens", args: bytesOf("tcp://127.0.0.1:0?listen=1&listen_timeout=200"), worksOpenly: false },
  { title: "sends by UDP", args: into(`udp://127.0.0.1:${port}`), worksOpenly: false },
  { title: "looks through a camera", args: copyOf("-f", "v4l2", "-i", "/dev/video0"), worksOpenly: false },
  { title: "looks at a screen", args: copyOf("-f", "fbdev", "-i", "/dev/fb0"), worksOpenly: false },
  { title: "looks at a desktop", args: copyOf("-f", "x11grab", "-i", ":0"), worksOpenly: false },
  { title: "reads a disk", args: bytesOf("file:/dev/vda"), worksOpenly: false }
]
