import { afterAll, describe, expect, it } from "vitest"
import { processesIn } from "../../../adapters/ffmpeg/sandbox/remains.suite.js"
import { jsonAttacks, probeAttacks } from "./bodies.suite.js"
import { filterAttacks } from "./filters.suite.js"
import { holding } from "./hold.suite.js"
import { textAttacks } from "./media.suite.js"
import { byteAttacks } from "./media-bytes.suite.js"
import { nameCalls, outputNames } from "./names.suite.js"
import { optionAttacks } from "./options.suite.js"
import { resourceAttacks } from "./resources.suite.js"
import { tryCall, tryMedia, tryTask } from "./runs.suite.js"
import { foreignThings, signedUrls, wrongKeys } from "./tenants.suite.js"
import { hostileAnswers, hostileWeb, innerUrls, strangeUrls, tryUrl } from "./urls.suite.js"

/** Every attack on a server with its defaults: rules for options, and a sandbox around each process. */

const web = await hostileWeb()
afterAll(() => web.close())
const { hold, scene } = holding(async () => ({
  sandbox: "required",
  guard: web.guard,
  limits: { uploadBytes: 5_000_000, importSeconds: 30, idleSeconds: 3 }
}))
const urls = (list: ReadonlyArray<string>) => list.map((title) => ({ title }))

describe.runIf(process.platform === "linux")("a server with its defaults", () => {
  hold("options", optionAttacks, (at, attack) => tryTask(at, attack, "rules"))
  hold("filters", filterAttacks, (at, attack) => tryTask(at, attack, "rules"))
  hold("names of outputs", outputNames, (at, attack) => tryTask(at, attack, "rules"))
  hold("playlists, scripts and manifests", textAttacks, (at, attack) => tryMedia(at, attack, "rules"))
  hold("binary media", byteAttacks("/etc/passwd"), (at, attack) => tryMedia(at, attack, "rules"))
  hold("tasks that take all there is", resourceAttacks, (at, attack) => tryTask(at, attack, "rules"))
  hold("names of files and directories", nameCalls, tryCall)
  hold("another key's things", foreignThings, tryCall)
  hold("wrong keys", wrongKeys, tryCall)
  hold("altered signed URLs", signedUrls, tryCall)
  hold("bodies", jsonAttacks, tryCall)
  hold("probes", probeAttacks, tryCall)
  hold("URLs that lead inside", urls(innerUrls), (at, { title }) => tryUrl(at, web, title, true))
  hold("URLs that are none for us", urls(strangeUrls), (at, { title }) => tryUrl(at, web, title, true))
  hold("servers that lead inside or never end", urls(hostileAnswers), (at, { title }) =>
    tryUrl(at, web, title, false)
  )

  it("still imports a good URL after all attacks, and has no files of runs left", async () => {
    const { host } = scene()
    const { status } = await host.call("POST", "/ffprobe/analyze", {
      body: { file_path: "https://good.example.com/clip.mp4" }
    })
    expect(status).toBe(200)
    expect(await processesIn(`${host.folder}/work`)).toEqual([])
  })
})
