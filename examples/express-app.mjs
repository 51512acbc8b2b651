// An application that has its own users gives each of them the whole API below /media.
import express from "express"
import { open } from "ffkiln"
import { router } from "ffkiln/express"

/** Stands for the application's own session store. */
const sessions = new Map([
  ["cookie-of-ann", "ann"],
  ["cookie-of-bob", "bob"]
])

const ffkiln = await open({ dataDir: "./data" })
const app = express()

app.get("/", (_request, response) => void response.send("an application of its own"))
// Before any body parser: uploads are streamed. The user takes the place of an API key; nobody sees another's files.
// Signed URLs need no login, so that a browser or a CDN can use them as they are.
app.use("/media", router(ffkiln, { identify: (request) => sessions.get(request.get("cookie")?.replace("session=", "") ?? "") }))

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === "object" ? address?.port : address}`)
})

process.once("SIGTERM", () => server.close(() => ffkiln.close()))
