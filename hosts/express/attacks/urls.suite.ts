import { localHttps } from "../../../adapters/net/https.suite.js"
import { clip } from "../host.suite.js"
import type { Scene } from "./scene.suite.js"

/**
 * URLs of internal addresses, and servers that redirect there or never end. Connections go only to one server
 * of this machine.
 */

const publicAddress = "93.184.215.14"

/** Names of attackers, with the addresses that they resolve to. */
const names: Readonly<Record<string, ReadonlyArray<string>>> = {
  "good.example.com": [publicAddress],
  "inner.example.com": ["10.0.0.1"],
  "loop.example.com": ["127.0.0.1"],
  "six.example.com": ["::1"],
  "mapped.example.com": ["::ffff:127.0.0.1"],
  "nat.example.com": ["64:ff9b::7f00:1"],
  "link.example.com": ["fe80::1"],
  "local.example.com": ["fd00::1"],
  "cloud.example.com": ["169.254.169.254"],
  "zero.example.com": ["0.0.0.0"],
  "mixed.example.com": [publicAddress, "192.168.1.1"]
}

/** A server for all of these names, and a guard that reaches only this server, with the default rules. */
export const hostileWeb = async () => {
  const video = await clip()
  const web = await localHttps((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "https://good.example.com")
    if (pathname === "/clip.mp4")
      return response.writeHead(200, { "content-length": video.length }).end(video)
    if (pathname === "/to")
      return response.writeHead(302, { location: searchParams.get("place") ?? "" }).end()
    if (pathname === "/round") return response.writeHead(302, { location: "/round" }).end()
    if (pathname === "/large") return response.writeHead(200, { "content-length": 1e15 }).write("x")
    if (pathname === "/packed")
      return response.writeHead(200, { "content-encoding": "gzip" }).end(Buffer.alloc(10))
    if (pathname === "/headers") return response.writeHead(200, { "x-long": "x".repeat(300_000) }).end("x")
    if (pathname === "/endless") {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      }
      response.on("drain", more)
      return more()
    }
    return response.writeHead(404).end()
  })
  const seen = new Map<string, number>()
  return {
    ...web,
    guard: {
      ca: web.guard.ca ?? "",
      resolve: async (host: string) => {
        seen.set(host, (seen.get(host) ?? 0) + 1)
        // The first answer is the one that is checked, later ones are the attack.
        if (host.startsWith("turning"))
          return [{ address: seen.get(host) === 1 ? publicAddress : "127.0.0.1" }]
        return (names[host] ?? []).map((address) => ({ address }))
      },
      ...(web.guard.dial && { dial: web.guard.dial })
    },
    wrongly: () => web.dialed.filter((address) => address !== publicAddress)
  }
}

export type HostileWeb = Awaited<ReturnType<typeof hostileWeb>>

/** Refused as an input, in a probe, and, if it is an https URL, as a webhook. */
export const innerUrls: ReadonlyArray<string> = [
  ...[
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "0",
    "0.0.0.0"
  ],
  ...[
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.9.9",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.1",
    "198.18.0.1"
  ],
  ...[
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "１２７.0.0.1",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "%31%32%37.0.0.1"
  ],
  ...[
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[fe80::1]"
  ],
  ...[
    "[fc00::1]",
    "[fd00::1]",
    "[ff02::1]",
    "[2002:7f00:1::]",
    "[2001::1]",
    "[2001:db8::1]",
    "[100::1]",
    "[fec0::1]",
    "[3fff::1]"
  ],
  ...[
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "printer.local",
    "db.internal",
    "nas.home.arpa",
    "intranet",
    "metadata"
  ],
  ...[...Object.keys(names).filter((name) => name !== "good.example.com"), "unknown.example.com"],
  ...[
    "user:secret@good.example.com",
    "user@good.example.com",
    "@good.example.com",
    "good.example.com@127.0.0.1",
    "127.0.0.1#@good.example.com"
  ],
  ...[
    "good.example.com:22",
    "good.example.com:0",
    "good.example.com:80",
    "good.example.com\\@127.0.0.1",
    "good.example.com%00",
    "good.example.com%2f@127.0.0.1"
  ]
].map((host) => `https://${host}/clip.mp4`)

export const strangeUrls: ReadonlyArray<string> = [
  ...[
    "http://good.example.com/clip.mp4",
    "HTTP://127.0.0.1:$PORT/",
    "file:///etc/passwd",
    "file://$CANARY",
    "ftp://good.example.com/a"
  ],
  ...[
    "gopher://127.0.0.1:$PORT/_x",
    "data:video/mp4;base64,AAAA",
    "https:good.example.com/clip.mp4",
    "https:/good.example.com/clip.mp4"
  ],
  ...[
    "https:///good.example.com/clip.mp4",
    "https:\\\\good.example.com\\clip.mp4",
    "https://good.example.com/clip.mp4\n",
    " https://good.example.com/clip.mp4"
  ],
  ...[
    "https://good.example\t.com/clip.mp4",
    "https://",
    "https://?",
    "javascript:alert(1)",
    "//127.0.0.1/clip.mp4",
    "jar:https://good.example.com/a"
  ]
]

const to = (place: string) => `https://good.example.com/to?place=${encodeURIComponent(place)}`

/** URLs with good names and bad responses. Refused as inputs and in probes. */
export const hostileAnswers: ReadonlyArray<string> = [
  ...[
    "https://127.0.0.1/clip.mp4",
    "https://[::1]/clip.mp4",
    "https://loop.example.com/clip.mp4",
    "http://good.example.com/clip.mp4"
  ].map(to),
  ...[
    "//127.0.0.1/clip.mp4",
    "https://169.254.169.254/latest",
    "file://$CANARY",
    "https://user:x@good.example.com/clip.mp4"
  ].map(to),
  ...[
    "https://good.example.com:22/",
    "gopher://127.0.0.1:$PORT/",
    "\\\\127.0.0.1\\clip.mp4",
    "https://mixed.example.com/clip.mp4",
    ""
  ].map(to),
  to(to(to(to(to(to(to("https://good.example.com/clip.mp4"))))))),
  "https://good.example.com/round",
  "https://good.example.com/large",
  "https://good.example.com/endless",
  "https://good.example.com/packed",
  "https://good.example.com/headers",
  "https://good.example.com/missing",
  "https://turning.example.com/to?place=https%3A%2F%2Fturning.example.com%2Fclip.mp4"
]

/**
 * Tries a URL as an input, in a probe, and if wanted as a webhook: each must give a 4xx (502: its server
 * failed), without a connection to an internal address.
 */
export const tryUrl = async (
  scene: Scene,
  web: HostileWeb,
  url: string,
  asWebhook: boolean
): Promise<ReadonlyArray<string>> => {
  const { send } = scene
  const outputs = [{ file: "o.mkv", options: ["-c", "copy"] }]
  const good = { inputs: [{ file_path: "$DIR/clip.mp4" }], outputs }
  const replies = [
    await send("POST", "/ffmpeg/process", { body: { task: { inputs: [{ file_path: url }], outputs } } }),
    await send("POST", "/ffprobe/analyze", { body: { file_path: url } }),
    ...(asWebhook
      ? [await send("POST", "/ffmpeg/process/async", { body: { task: good, webhook_url: url } })]
      : [])
  ]
  const answers = replies.map(({ body }) => JSON.stringify(body))
  // A name that does not resolve may resolve later: its webhook waits for that.
  const may = [
    400,
    502,
    ...(url.includes("unknown.example.com") ? [202] : []),
    ...(/packed|endless|large/.test(url) ? [200, 500] : [])
  ]
  return [
    ...replies.flatMap(({ status }, index) =>
      may.includes(status) ? [] : [`answered ${status} ${answers[index]}`]
    ),
    ...(web.wrongly().length === 0 ? [] : [`dialed ${web.wrongly().join()}`]),
    ...(await scene.aftermath(answers, false))
  ]
}
