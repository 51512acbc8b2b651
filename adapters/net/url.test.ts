import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { isPublic } from "./address.js"
import { judgeRedirect, judgeUrl, type UrlRules } from "./url.js"

const rules: UrlRules = { ports: [443], allowAddress: isPublic, allowHost: () => false }
const judged = (text: string, over: Partial<UrlRules> = {}) => judgeUrl(text, { ...rules, ...over })
const hostOf = (text: string, over?: Partial<UrlRules>) =>
  Either.map(judged(text, over), ({ host, port }) => `${host} ${port}`)

describe("judge accepts", () => {
  it.each([
    { text: "https://example.com/a.mp4", is: "example.com 443" },
    { text: "https://example.com", is: "example.com 443" },
    { text: "https://example.com?x=@y", is: "example.com 443" },
    { text: "https://example.com#x", is: "example.com 443" },
    { text: "HTTPS://EXAMPLE.com/A.mp4", is: "example.com 443" },
    { text: "https://example.com:443/", is: "example.com 443" },
    { text: "https://example.com./a", is: "example.com 443" },
    { text: "https://a-b.c_d.example.co.uk/%20?q=a%5Cb@c", is: "a-b.c_d.example.co.uk 443" },
    { text: "https://bücher.example/ä.mp4", is: "xn--bcher-kva.example 443" },
    { text: "https://xn--bcher-kva.example/", is: "xn--bcher-kva.example 443" },
    { text: "https://example。com/", is: "example.com 443" },
    { text: "https://8.8.8.8/", is: "8.8.8.8 443" },
    { text: "https://[2606:4700:4700::1111]/", is: "2606:4700:4700::1111 443" },
    { text: "https://1.example.com/", is: "1.example.com 443" },
    { text: "https://localhost.example.com/", is: "localhost.example.com 443" },
    { text: "https://mylocal.example/", is: "mylocal.example 443" }
  ])("$text", ({ text, is }) => expect(hostOf(text)).toEqual(Either.right(is)))

  it("a configured port, name or address", () => {
    expect(hostOf("https://example.com:8443/", { ports: [443, 8443] })).toEqual(
      Either.right("example.com 8443")
    )
    expect(hostOf("https://nas.local/", { allowHost: (host) => host === "nas.local" })).toEqual(
      Either.right("nas.local 443")
    )
    expect(hostOf("https://localhost/", { allowHost: () => true })).toEqual(Either.right("localhost 443"))
    expect(hostOf("https://10.0.0.1/", { allowAddress: (address) => address === "10.0.0.1" })).toEqual(
      Either.right("10.0.0.1 443")
    )
  })
})

/** Every spelling resolves to a refused address. */
const privateHosts = [
  ...[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7F.1",
    "0177.0.0.1",
    "017700000001",
    "0x7f.0x0.0x0.0x1",
    "127.0.0.1."
  ],
  ...[
    "127。0。0。1",
    "127．0．0．1",
    "①②⑦.0.0.1",
    "１２７.0.0.1",
    "%31%32%37.0.0.1",
    "127.0.0.1%2e",
    "0",
    "0.0.0.0",
    "00000"
  ],
  ...[
    "10.0.0.1",
    "10.1",
    "167772161",
    "0xa.1",
    "012.0.0.1",
    "192.168.1.1",
    "192.168.257",
    "0xc0a80101",
    "172.16.0.1",
    "172.31.255.255"
  ],
  ...[
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "100.64.0.1",
    "255.255.255.255",
    "4294967295"
  ],
  ...[
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:10.0.0.1]",
    "[::127.0.0.1]"
  ],
  ...[
    "[::ffff:8.8.8.8]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b::808:808]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[fec0::1]",
    "[ff02::1]"
  ],
  ...["[2002:7f00:1::]", "[2001:0:1::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]", "[fd00:ec2::254]"]
]

describe("judge refuses", () => {
  it.each(privateHosts)("the address %s", (host) => {
    expect(judged(`https://${host}/`)).toMatchObject({ _tag: "Left", left: { _tag: "UrlRefused" } })
    expect(judged(`https://${host}:443/a.mp4`)).toMatchObject({ _tag: "Left" })
  })

  it.each([
    ...["fe80::1%25eth0", "fe80::1%eth0", "::1%lo", "::1%251"].map((address) => `https://[${address}]/`),
    ...[
      "https://256.1.1.1/",
      "https://1.2.3.4.5/",
      "https://0x100000000/",
      "https://[::1/",
      "https://::1/",
      "https://[1]/",
      "https://8.8.8.8../"
    ]
  ])("an invalid address: %s", (text) => expect(judged(text)).toMatchObject({ _tag: "Left" }))

  it.each([
    ...[
      "localhost",
      "LOCALHOST",
      "localhost.",
      "a.localhost",
      "printer.local",
      "printer.LOCAL.",
      "x.internal",
      "metadata.google.internal"
    ],
    ...[
      "router.home.arpa",
      "home.arpa",
      "local.",
      "internal",
      "intranet",
      "com",
      "ｌocalhost",
      "localhost%2e",
      "a..b.com",
      ".example.com"
    ],
    ...[
      "example.com..",
      "exa mple.com",
      "exa%20mple.com",
      "a!b.com",
      "a'b.com",
      "a,b.com",
      "a;b.com",
      "a$b.com",
      "a*.com",
      `${"a".repeat(64)}.com`
    ]
  ])("the name %s", (host) => expect(judged(`https://${host}/`)).toMatchObject({ _tag: "Left" }))

  it.each([
    ...[
      "http://example.com/",
      "ftp://example.com/",
      "file:///etc/passwd",
      "data:,x",
      "javascript:1",
      "ws://example.com/",
      "blob:https://example.com/1"
    ],
    ...[
      "",
      "https:",
      "https://",
      "https:///example.com/",
      "https:/example.com/",
      "https:example.com/",
      "//example.com/",
      "/a.mp4",
      "example.com"
    ],
    ...["https://:443/", "https://?", "https://#", "httpsx://example.com/", "xhttps://example.com/"],
    ...[
      "https://user@example.com/",
      "https://user:pw@example.com/",
      "https://@example.com/",
      "https://:@example.com/",
      "https://a@b@example.com/"
    ],
    ...[
      "https://example.com:80/",
      "https://example.com:8443/",
      "https://example.com:0/",
      "https://example.com:65536/",
      "https://example.com:x/"
    ],
    ...[
      " https://example.com/",
      "https://example.com/ ",
      "https://example.com/a b",
      "ht\ttps://example.com/",
      "https://exa\nmple.com/"
    ],
    ...[
      "https://example.com/\r\nHost: x",
      "https://example.com/\u0000",
      "https://example.com/\u007f",
      "https://example.com\\@10.0.0.1/"
    ],
    ...[
      "https:\\\\example.com/",
      "https://example.com/a\\b",
      "https://example.com/\ud800",
      `https://example.com/${"a".repeat(8192)}`
    ],
    ...[
      "https://example.com@10.0.0.1/",
      "https://10.0.0.1#@example.com/",
      "https://10.0.0.1?@example.com/",
      "\ufeffhttps://example.com/"
    ]
  ])("%j", (text) =>
    expect(judged(text)).toMatchObject({
      _tag: "Left",
      left: { message: "URL is not allowed or not reachable" }
    })
  )
})

describe("judgeRedirect", () => {
  const from = new URL("https://example.com/dir/a.mp4?x=1")
  const leads = (location: string) => Either.map(judgeRedirect(location, from, rules), ({ url }) => url.href)

  it.each([
    { location: "b.mp4", is: "https://example.com/dir/b.mp4" },
    { location: "/b.mp4", is: "https://example.com/b.mp4" },
    { location: "?y", is: "https://example.com/dir/a.mp4?y" },
    { location: "//other.example/b", is: "https://other.example/b" },
    { location: "https://other.example/b", is: "https://other.example/b" },
    { location: "../ö.mp4", is: "https://example.com/%C3%B6.mp4" }
  ])("$location", ({ location, is }) => expect(leads(location)).toEqual(Either.right(is)))

  it.each([
    ...[
      "http://example.com/",
      "//127.0.0.1/",
      "https://127.1/",
      "//user@example.com/",
      "https:other.example/",
      "https:/other.example"
    ],
    ...[
      "\\\\127.0.0.1\\",
      "/\\127.0.0.1/",
      "/\t/127.0.0.1/",
      "///127.0.0.1/",
      "https://localhost/",
      "file:///etc/passwd",
      "ftp:x",
      "//example.com:80/"
    ]
  ])("refuses %j", (location) => expect(leads(location)).toMatchObject({ _tag: "Left" }))
})
