import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Problem } from "../setup/problem.mjs"
import { hasRadosgw, radosgwMissing } from "../setup/radosgw.mjs"
import { freePort, tied } from "./program.mjs"

/**
 * Configuration of a cluster with one monitor and one store in memory, without authentication. The monitor
 * collects changes for 50 ms instead of a second: a start makes several in sequence, and takes 1 s instead of
 * 11.
 * @param {string} folder @param {string} fsid @param {number} monitor @param {number} gateway their ports
 */
const configuration = (folder, fsid, monitor, gateway) => `[global]
fsid = ${fsid}
mon initial members = a
mon host = [v1:127.0.0.1:${monitor}/0]
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = ${folder}/run
admin socket = ${folder}/run/$name.asok
pid file = ${folder}/run/$name.pid
log file = ${folder}/log/$name.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
paxos propose interval = 0.05
[mon.a]
mon data = ${folder}/mon
[osd.0]
osd data = ${folder}/osd
crush location = root=default host=a
osd objectstore = memstore
memstore device bytes = 4294967296
[client.rgw.a]
rgw data = ${folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:${gateway}
`

const startSeconds = 90
const attempts = 3

/**
 * Tries once to start before `deadline` (milliseconds since the epoch); cleans up when it rejects.
 * @param {number} deadline
 */
const startOnce = async (deadline) => {
  const folder = mkdtempSync(join(tmpdir(), "radosgw-"))
  const at = (/** @type {string} */ name) => join(folder, name)
  for (const name of ["mon", "osd", "rgw", "run", "log"]) mkdirSync(at(name))
  const [fsid, osd, accessKeyId, secretAccessKey] = Array.from({ length: 4 }, () => randomUUID())
  const [monitor, gateway] = [await freePort(), await freePort()]
  writeFileSync(at("ceph.conf"), configuration(folder, `${fsid}`, monitor, gateway))
  const env = { ...process.env, CEPH_CONF: at("ceph.conf") }

  const run = async (/** @type {string} */ program, /** @type {string[]} */ ...args) => {
    const timeout = Math.max(1, deadline - Date.now())
    const child = spawn(...tied(program, args), {
      env,
      stdio: ["ignore", "ignore", "pipe"],
      timeout,
      killSignal: "SIGKILL"
    })
    let errors = ""
    child.stderr.on("data", (text) => {
      errors += text
    })
    const [code] = await once(child, "close")
    if (code !== 0) throw new Error(`${program} ended with ${code}: ${errors.slice(-2000)}`)
  }

  /** @type {Map<string, import("node:child_process").ChildProcess>} */
  const daemons = new Map()
  let stopping = false
  const start = (/** @type {string} */ program, /** @type {string[]} */ ...args) => {
    const child = spawn(...tied(program, ["-f", ...args]), { env, stdio: "ignore" })
    daemons.set(program, child)
    // In some starts the store loses a race against its monitor and exits: it is started again.
    child.once("exit", () => {
      daemons.delete(program)
      if (!stopping && Date.now() < deadline) setTimeout(() => stopping || start(program, ...args), 200)
    })
  }
  const remove = async () => {
    stopping = true
    const ended = Array.from(daemons.values(), (child) => once(child, "exit"))
    for (const child of daemons.values()) child.kill("SIGKILL")
    await Promise.all(ended)
    rmSync(folder, { recursive: true, force: true })
  }

  try {
    await run(
      "monmaptool",
      "--create",
      "--clobber",
      "--fsid",
      `${fsid}`,
      "--addv",
      "a",
      `[v1:127.0.0.1:${monitor}/0]`,
      at("monmap")
    )
    await run("ceph-mon", "--mkfs", "-i", "a", "--monmap", at("monmap"))
    start("ceph-mon", "-i", "a")
    await run("ceph", "--connect-timeout", "60", "osd", "new", `${osd}`)
    await run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", `${osd}`)
    start("ceph-osd", "-i", "0")
    start("radosgw", "-n", "client.rgw.a")
    const user = [
      "--uid=tests",
      "--display-name=tests",
      `--access-key=${accessKeyId}`,
      `--secret-key=${secretAccessKey}`
    ]
    await run("radosgw-admin", "user", "create", ...user)
    const endpoint = `http://127.0.0.1:${gateway}`
    while (
      !(await fetch(endpoint).then(
        (answer) => answer.ok,
        () => false
      ))
    ) {
      if (Date.now() > deadline) throw new Error(`radosgw does not answer after ${startSeconds} s`)
      await sleep(100)
    }
    return { endpoint, accessKeyId: `${accessKeyId}`, secretAccessKey: `${secretAccessKey}`, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/**
 * Starts a gateway on free ports of loopback, with everything in a temporary folder. `remove` ends its
 * processes and removes the folder; the kernel also ends them when this process is killed.
 */
export const startRadosgw = async () => {
  if (!hasRadosgw()) throw new Problem(radosgwMissing)
  const deadline = Date.now() + startSeconds * 1000
  // On a busy machine the monitor refuses a client before it knows the cluster's id ("EPERM: problem getting
  // command descriptions"), and a free port may be taken meanwhile: then it starts again with new ports.
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(deadline)
    } catch (error) {
      if (attempt === attempts || Date.now() > deadline) throw error
    }
  }
}
