import { describe, expect, it } from "vitest"
import { canonical, isPublic, isPublicOrNat64 } from "./address.js"

/** The tables of the security model as numbers, so that the test shares no arithmetic with the code. */
const refused4 = [
  ...[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24"
  ],
  ...[
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15"
  ],
  ...["198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"]
]
const refused6 = ["2001:0::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48"]
const outside6 = [
  ...[
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "5f00::/16"
  ],
  ...["fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "4000::/3", "1fff::/16", "8000::/1"]
]

const number4 = (text: string) => text.split(".").reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
const text4 = (value: bigint) => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".")

const number6 = (text: string) => {
  const [head = "", tail] = text.split("::").map((half) => (half === "" ? [] : half.split(":")))
  const groups =
    tail === undefined ? head : [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail]
  return (groups as Array<string>).reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n)
}
const text6 = (value: bigint) =>
  Array.from({ length: 8 }, (_, group) => ((value >> BigInt(112 - 16 * group)) & 0xffffn).toString(16)).join(
    ":"
  )

const rangeOf = (range: string) => {
  const [address = "", bits] = range.split("/")
  const [width, from] = address.includes(":") ? [128, number6(address)] : [32, number4(address)]
  const size = 1n << BigInt(width - Number(bits))
  return { first: from, last: from + size - 1n, middle: from + size / 2n }
}

const ranges4 = refused4.map(rangeOf)
const ranges6 = [...refused6, ...outside6].map(rangeOf)
const isRefused = (ranges: ReadonlyArray<{ first: bigint; last: bigint }>, value: bigint) =>
  ranges.some(({ first, last }) => value >= first && value <= last)
const global6 = rangeOf("2000::/3")

describe("isPublic", () => {
  it.each(refused4)("refuses the range %s and nothing beyond its ends", (range) => {
    const { first, last, middle } = rangeOf(range)
    for (const value of [first, middle, last])
      expect([text4(value), isPublic(text4(value))]).toEqual([text4(value), false])
    for (const value of [first - 1n, last + 1n].filter((value) => value >= 0n && value < 1n << 32n)) {
      expect([text4(value), isPublic(text4(value))]).toEqual([text4(value), !isRefused(ranges4, value)])
    }
  })

  it.each([...refused6, ...outside6])("refuses the range %s and nothing beyond its ends", (range) => {
    const { first, last, middle } = rangeOf(range)
    for (const value of [first, middle, last])
      expect([text6(value), isPublic(text6(value))]).toEqual([text6(value), false])
    for (const value of [first - 1n, last + 1n].filter((value) => value >= 0n && value < 1n << 128n)) {
      const global = value >= global6.first && value <= global6.last
      expect([text6(value), isPublic(text6(value))]).toEqual([
        text6(value),
        global && !isRefused(ranges6, value)
      ])
    }
  })

  it("agrees with the tables for addresses of both families", () => {
    for (let step = 0n; step < 4096n; step++) {
      const four = (step << 20n) + 77n
      expect([text4(four), isPublic(text4(four))]).toEqual([text4(four), !isRefused(ranges4, four)])
      const six = (step << 116n) + 77n
      const global = six >= global6.first && six <= global6.last
      expect([text6(six), isPublic(text6(six))]).toEqual([text6(six), global && !isRefused(ranges6, six)])
    }
  })

  it.each([
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.0.1",
    "100.128.0.1",
    "198.17.0.1",
    "198.20.0.1",
    "223.255.255.255"
  ])("%s is public", (address) => expect(isPublic(address)).toBe(true))
  it.each([
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2001:4860:4860::8888",
    "2001:200::1",
    "2003::1",
    "3fff:1000::1",
    "2620:4f:8001::1"
  ])("%s is public", (address) => expect(isPublic(address)).toBe(true))
  it.each([
    ...[
      "169.254.169.254",
      "100.100.100.200",
      "255.255.255.255",
      "::ffff:8.8.8.8",
      "::ffff:7f00:1",
      "::8.8.8.8",
      "64:ff9b::8.8.8.8"
    ],
    ...[
      "fd00:ec2::254",
      "fe80::1%eth0",
      "2606:4700:4700::1111%1",
      "0:0:0:0:0:ffff:0a00:0001",
      "2002:0808:0808::1",
      "2001:0:53aa:64c::1"
    ],
    ...[
      "",
      "localhost",
      "8.8.8",
      "8.8.8.8.",
      "08.8.8.8",
      "0x8.8.8.8",
      "134744072",
      " 8.8.8.8",
      "[2606:4700:4700::1111]",
      "8.8.8.8:443"
    ]
  ])("%s is not public", (address) => expect(isPublic(address)).toBe(false))
})

it.each([
  { address: "64:ff9b::8.8.8.8", is: true },
  { address: "64:ff9b::808:808", is: true },
  { address: "64:ff9b::10.0.0.1", is: false },
  { address: "64:ff9b::169.254.169.254", is: false },
  { address: "64:ff9b::7f00:1", is: false },
  { address: "64:ff9b::", is: false },
  { address: "64:ff9b:0:0:0:1:808:808", is: false },
  { address: "64:ff9b:1::808:808", is: false },
  { address: "::ffff:8.8.8.8", is: false },
  { address: "8.8.8.8", is: true },
  { address: "10.0.0.1", is: false }
])("isPublicOrNat64: $address is $is", ({ address, is }) => expect(isPublicOrNat64(address)).toBe(is))

it("canonical: one text for all spellings of an address", () => {
  expect(["2606:4700::1", "2606:4700:0:0:0:0:0:1", "2606:4700:0::0001"].map(canonical)).toEqual(
    Array(3).fill("2606:4700::1")
  )
  expect(["8.8.8.8", "no address", "fe80::1%1"].map(canonical)).toEqual([
    "8.8.8.8",
    "no address",
    "fe80::1%1"
  ])
})
