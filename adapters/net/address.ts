import { BlockList, isIP } from "node:net"

/** IPv4 ranges that are not public: private, shared, loopback, link-local, special, multicast, reserved. */
const closed4 = (
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 " +
  "192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
).split(" ")

/**
 * The IPv6 range of public addresses. Forms that embed an IPv4 address are outside it, except 6to4 and
 * Teredo.
 */
const open6 = ["2000::/3"]

/** Special ranges within it: Teredo, ORCHID and benchmarking, documentation, 6to4, AS112. */
const closed6 = "2001::/23 2001:db8::/32 2002::/16 3fff::/20 2620:4f:8000::/48".split(" ")

const listOf = (family: "ipv4" | "ipv6", ranges: ReadonlyArray<string>): BlockList => {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = "", bits] = range.split("/")
    list.addSubnet(address, Number(bits), family)
  }
  return list
}

const isClosed4 = listOf("ipv4", closed4)
const isOpen6 = listOf("ipv6", open6)
const isClosed6 = listOf("ipv6", closed6)

/**
 * Whether an IP address (text without brackets) belongs to the public internet, and may be connected to by
 * default. False for text that is not an address, and for an address with a zone id.
 */
export const isPublic = (address: string): boolean => {
  switch (address.includes("%") ? 0 : isIP(address)) {
    case 4:
      return !isClosed4.check(address, "ipv4")
    case 6:
      return isOpen6.check(address, "ipv6") && !isClosed6.check(address, "ipv6")
    default:
      return false
  }
}

/**
 * For networks that reach IPv4 through NAT64: also accepts its well-known prefix when the IPv4 address inside
 * is public.
 */
export const isPublicOrNat64 = (address: string): boolean => {
  if (isPublic(address)) return true
  const inner = /^64:ff9b::([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical(address))
  return inner !== null && isPublic(inner.slice(1).flatMap(bytesOf).join("."))
}

const bytesOf = (group = "0"): ReadonlyArray<number> => [
  Number.parseInt(group, 16) >> 8,
  Number.parseInt(group, 16) & 255
]

/**
 * The canonical text of an IP address, equal for all spellings of an IPv6 address. Other text is returned
 * unchanged.
 */
export const canonical = (address: string): string =>
  isIP(address) === 6 && !address.includes("%")
    ? new URL(`https://[${address}]`).hostname.slice(1, -1)
    : address
