import { once } from "node:events"
import { createServer } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"
import { afterAll, beforeAll, expect, it } from "vitest"
import { closeOnTinyChunks } from "./tiny-chunks.js"

const server = createServer()
const answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\ntiny"
closeOnTinyChunks(server, answer)
let received = 0
let arrived = () => {}
server.on("request", (request, response) => {
  request.on("data", ({ length }: Buffer) => {
    received += length
    arrived()
  })
  request.on("end", () => response.end(`${received}`))
})
beforeAll(() => once(server.listen(0, "127.0.0.1"), "listening"))
afterAll(() => void server.close())

const head = "PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
const chunk = (bytes: number) => `${bytes.toString(16)}\r\n${"a".repeat(bytes)}\r\n`

const client = async () => {
  received = 0
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1")
  socket.on("error", () => {})
  await once(socket, "connect")
  socket.write(head)
  return socket
}

/** All bytes that the server sends before the connection ends, in any way. */
const answered = async (socket: Socket): Promise<string> => {
  let text = ""
  socket.on("data", (piece) => {
    text += piece
  })
  // A reset is also an error, and comes before the end.
  await new Promise((resolve) => socket.once("close", resolve))
  return text
}

it.each([1, 20, 100])("closes the connection of a body in chunks of %i bytes", async (bytes) => {
  const socket = await client()
  const text = answered(socket)
  socket.write(chunk(bytes).repeat(200_000))
  // The reset that follows may overtake the response.
  expect(["", answer]).toContain(await text)
  expect(received).toBeLessThan(200_000 * bytes)
})

it("accepts any number of chunks of 200 bytes", async () => {
  const socket = await client()
  const text = answered(socket)
  socket.write(`${chunk(200).repeat(50_000)}0\r\n\r\n`)
  expect(await text).toMatch(/10000000/)
})

it("accepts chunks of one byte, a thousand at a time", async () => {
  const socket = await client()
  for (let sent = 1000; sent <= 10_000; sent += 1000) {
    const all = new Promise<void>((resolve) => {
      arrived = () => {
        if (received === sent) resolve()
      }
    })
    socket.write(chunk(1).repeat(1000))
    await all
  }
  const text = answered(socket)
  socket.write("0\r\n\r\n")
  expect(await text).toMatch(/10000/)
})
