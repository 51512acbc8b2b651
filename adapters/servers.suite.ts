import { connect } from "node:net"
import { text } from "node:stream/consumers"
import { inject } from "vitest"

declare module "vitest" {
  interface ProvidedContext {
    readonly testServers: string
  }
}

interface Servers {
  readonly s3: { readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string }
  /** As its superuser. */
  readonly postgres: { readonly url: string }
  readonly redis: { readonly url: string }
}

/** The real server of this kind that all test files of a run share, started if it is not up yet. */
export const testServer = async <Kind extends keyof Servers>(kind: Kind): Promise<Servers[Kind]> => {
  const socket = connect(inject("testServers"))
  socket.write(`${kind}\n`)
  const { server, error } = JSON.parse(await text(socket)) as {
    readonly server?: Servers[Kind]
    readonly error?: string
  }
  if (server === undefined) throw new Error(error)
  return server
}
