// An application with its own users serves the whole API below /media to each of them.
import express from "express"
import { open } from "ffkiln"
import { router } from "ffkiln/express"

/** A stand-in for the application's session store. */
const sessions = new Map([
  ["cookie-of-ann", "ann"],
  ["cookie-of-bob", "bob"]
])

const ffkiln = await open({ dataDir: "./data" })
const app = express()

app.get("/", (_request, response) => void response.send("an application of its own"))
// Mount the router before any body parser: uploads are streamed. The user's id replaces an API key: users see
// only their own files. Signed URLs need no login, so that a browser or a CDN can use them directly.
app.use(
  "/media",
  router(ffkiln, {
    identify: (request) => sessions.get(request.get("cookie")?.replace("session=", "") ?? "")
  })
)

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === "object" ? address?.port : address}`)
})

process.once("SIGTERM", () => server.close(() => ffkiln.close()))
