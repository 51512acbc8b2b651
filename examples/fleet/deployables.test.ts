import { execFileSync } from "node:child_process"
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect, Layer } from "effect"
import { describe, expect, it } from "vitest"
import { postgres } from "../../adapters/postgres/index.js"
import { ask, temporaryDatabase } from "../../adapters/postgres/temporary.suite.js"
import { defaultLimits, limitVariable } from "../../core/limits.js"
import { serveOptions, workerOptions } from "../../hosts/cli/command-line.suite.js"
import { limitsLayer } from "../../hosts/embed/layers.js"
import { readSettings, readWorkerSettings } from "../../hosts/settings/config.js"

/** Checks that the deployment files fit the program. Docker and Kubernetes themselves are not run. */

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const text = (name: string) => readFileSync(path(name), "utf8")
const manifests = readdirSync(path("kubernetes")).map((name) => `kubernetes/${name}`)
const dockerfile = text("../../Dockerfile")
const instructions = dockerfile.replaceAll(/^#.*\n/gm, "")
const files = [...manifests, "compose.yaml", "secrets.env.example"]

/** `NAME: value` and `NAME=value`, with the defaults of `${NAME:-default}`. */
const variables = (name: string) =>
  Object.fromEntries(
    [...text(name).matchAll(/^\s*((?:FFKILN|AWS)_\w+)(?:: |=)"?(.*?)"?$/gm)].map(
      ([, variable = "", value = ""]) => [variable, value.replaceAll(/\$\{\w+:-(.*?)\}/g, "$1")]
    )
  )

/** The flow sequences that begin with a command of ffkiln. */
const commands = (from: string) =>
  [...from.matchAll(/\[("?(?:serve|worker)\b.*?)\]/g)].map(([, list = ""]) =>
    list.split(",").map((word) => word.trim().replaceAll('"', ""))
  )

const settings = {
  "compose.yaml": { ...variables("secrets.env.example"), ...variables("compose.yaml") },
  "kubernetes/": { ...variables("kubernetes/secrets.yaml"), ...variables("kubernetes/settings.yaml") }
}

/**
 * Reads a command and variables as the hosts do. Returns the settings, and the names of the variables that
 * were read.
 */
const read = ([command, ...args]: ReadonlyArray<string>, environment: Readonly<Record<string, string>>) => {
  const asked = new Set<string>()
  const watched = new Proxy(environment, {
    get: (target, name) => {
      asked.add(String(name))
      return Reflect.get(target, name)
    },
    // The reader of limits lists all names, and refuses unknown ones.
    ownKeys: (target) => Object.keys(target).filter((name) => name.startsWith("FFKILN_LIMIT_"))
  })
  return {
    asked,
    read:
      command === "worker"
        ? readWorkerSettings(workerOptions(args), watched)
        : readSettings(serveOptions(args), watched)
  }
}

const limits = new Set(
  Object.keys(defaultLimits).map((name) => limitVariable(name as keyof typeof defaultLimits))
)

describe("compose.yaml and the manifests", () => {
  it.each(files)("%s is indented by spaces, and its quotes and brackets are closed", (name) => {
    const lines = text(name)
      .split("\n")
      .filter((line) => !/^\s*#/.test(line))
    expect(lines.filter((line) => /\t|\s$/.test(line))).toEqual([])
    if (!name.endsWith(".yaml")) return
    for (const line of lines) {
      const count = (character: string) => line.split(character).length - 1
      expect([line, count("["), count("{"), count('"') % 2]).toEqual([line, count("]"), count("}"), 0])
      expect([line, (/^ */.exec(line)?.[0].length ?? 0) % 2]).toEqual([line, 0])
    }
  })

  it.each(Object.entries(settings))(
    "%s sets only variables that the hosts read, with valid values",
    (_, environment) => {
      const { asked, read: parts } = read(["serve"], environment)
      const ours = Object.keys(environment).filter((name) => name.startsWith("FFKILN_"))
      expect(ours.length).toBeGreaterThan(6)
      expect(ours.filter((name) => !asked.has(name) && !limits.has(name))).toEqual([])
      expect([parts.database._tag, parts.queue._tag, parts.storage.kind.scheme]).toEqual([
        "Postgres",
        "Redis",
        "s3"
      ])
    }
  )

  it.each(["compose.yaml", "kubernetes/api.yaml", "kubernetes/worker.yaml"])(
    "%s starts hosts with a valid command line",
    (name) => {
      const environment = settings[name.startsWith("kubernetes/") ? "kubernetes/" : "compose.yaml"]
      const given = commands(text(name))
      expect(given.length).toBeGreaterThan(0)
      for (const command of given) {
        const { read: parts } = read(command, environment)
        const address = "health" in parts ? parts.health : parts
        expect(address).toMatchObject({ host: "0.0.0.0", port: 8080 })
        expect(parts).toMatchObject({ dataDir: "/data", slots: command[0] === "serve" ? 0 : 2 })
      }
    }
  )

  it("let hosts drain before they are killed", () => {
    const drain = (environment: Readonly<Record<string, string>>) =>
      Number(environment.FFKILN_LIMIT_DRAIN_SECONDS)
    const grace = Number(/stop_grace_period: (\d+)s/.exec(text("compose.yaml"))?.[1])
    // Open connections get two seconds more; the rest is a margin.
    expect(grace).toBeGreaterThan(drain(settings["compose.yaml"]) + 10)
    for (const name of ["kubernetes/api.yaml", "kubernetes/worker.yaml"]) {
      const [, seconds] = /terminationGracePeriodSeconds: (\d+)/.exec(text(name)) ?? []
      const [, before = "0"] = /command: \[sleep, "(\d+)"\]/.exec(text(name)) ?? []
      expect(Number(seconds)).toBeGreaterThan(drain(settings["kubernetes/"]) + Number(before) + 10)
    }
  })

  it("agree with the image on its port and its user", () => {
    expect(instructions).toMatch(/^EXPOSE 8080$/m)
    expect(instructions).toContain("http://127.0.0.1:8080/health")
    const user = /^USER (\d+):(\d+)$/m.exec(instructions)
    for (const name of ["kubernetes/api.yaml", "kubernetes/worker.yaml"]) {
      expect(text(name)).toContain(`runAsUser: ${user?.[1]}\n`)
      expect(text(name)).toContain(`fsGroup: ${user?.[2]}\n`)
      expect(text(name)).toContain("containerPort: 8080\n")
      expect(new Set([...text(name).matchAll(/httpGet: \{ path: ([^,]+),/g)].map(([, at]) => at))).toEqual(
        new Set(["/health"])
      )
    }
    expect(text("compose.yaml")).toContain("--to api:8080")
  })

  it("name only files that exist", () => {
    for (const [, resource] of text("kubernetes/kustomization.yaml").matchAll(/^ {2}- (\S+)$/gm)) {
      expect(existsSync(path(`kubernetes/${resource}`))).toBe(true)
    }
    expect(text("compose.yaml")).toContain("seccomp=seccomp.json")
  })

  it("have as many slots per worker as the scaler counts jobs per worker", () => {
    const [[, , slots] = []] = commands(text("kubernetes/worker.yaml"))
    expect(/targetQueryValue: "(\d+)"/.exec(text("kubernetes/scaler.yaml"))?.[1]).toBe(slots)
  })
})

describe("the image", () => {
  const described = JSON.parse(text("../../package.json"))

  it("starts the package's own command, and has all folders of the package", () => {
    expect(instructions).toContain(`ENTRYPOINT ["node", "${described.bin.ffkiln}"]`)
    for (const folder of described.files)
      expect(instructions).toContain(`COPY --from=build /app/${folder} ${folder}\n`)
    const [[command, ...args] = []] = commands(instructions)
    expect(command).toBe("serve")
    expect(readSettings(serveOptions(args), {})).toMatchObject({
      host: "0.0.0.0",
      port: 8080,
      dataDir: "/data"
    })
  })

  it("has every optional package, in the version of the lock file", () => {
    const folder = mkdtempSync(join(tmpdir(), "ffkiln-image-"))
    try {
      const file = join(folder, "package.json")
      copyFileSync(path("../../package.json"), file)
      execFileSync(process.execPath, [path("production.mjs"), file])
      const { dependencies, devDependencies } = JSON.parse(readFileSync(file, "utf8"))
      const locked = JSON.parse(text("../../package-lock.json")).packages
      expect(dependencies).not.toHaveProperty(["vitest"])
      for (const name of Object.keys(described.peerDependencies).filter((each) => each !== "vitest")) {
        expect([name, dependencies[name]]).toEqual([name, locked[`node_modules/${name}`].version])
        expect(devDependencies).not.toHaveProperty([name])
      }
      expect(dependencies).toMatchObject(described.dependencies)
      expect(devDependencies).toHaveProperty("typescript")
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("is built without secrets and without files made on other machines", () => {
    const ignored = text("../../.dockerignore").split("\n")
    expect(ignored).toEqual(
      expect.arrayContaining(["node_modules", "dist", ".git", "data", "**/secrets.env"])
    )
  })

  it("runs with a system call filter that allows what the sandbox needs", () => {
    const { defaultAction, syscalls } = JSON.parse(text("seccomp.json"))
    expect(defaultAction).toBe("SCMP_ACT_ALLOW")
    const denied = syscalls.flatMap(({ names }: { readonly names: ReadonlyArray<string> }) => names)
    expect(denied).toEqual(
      expect.arrayContaining([
        "bpf",
        "ptrace",
        "keyctl",
        "kexec_load",
        "init_module",
        "io_uring_setup",
        "userfaultfd"
      ])
    )
    for (const name of [
      "clone",
      "clone3",
      "unshare",
      "mount",
      "umount2",
      "pivot_root",
      "sethostname",
      "prctl",
      "seccomp"
    ])
      expect(denied).not.toContain(name)
  })
})

describe("the monitoring queries in docs/fleet.md", () => {
  const guide = text("../../docs/fleet.md")
  const queries = [
    /query: "(.*)"/.exec(text("kubernetes/scaler.yaml"))?.[1] ?? "",
    ...[...guide.matchAll(/```sql\n([\s\S]*?)```/g)].flatMap(([, block = ""]) =>
      block.split(";").map((query) => query.trim())
    )
  ].filter((query) => query !== "")

  it("work with the current tables", async () => {
    expect(queries.length).toBeGreaterThan(4)
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const url = yield* temporaryDatabase
          yield* Layer.build(postgres({ url }).pipe(Layer.provide(limitsLayer({}))))
          for (const query of queries) expect(yield* ask(url, query)).toBeInstanceOf(Array)
        })
      )
    )
  })

  it("stand in a guide that names only existing variables and limits", () => {
    const { asked } = read(["serve"], {})
    const known = (name: string) => asked.has(name) || limits.has(name) || /^FFKILN_LIMIT_$/.test(name)
    expect([...guide.matchAll(/FFKILN_\w+/g)].map(([name]) => name).filter((name) => !known(name))).toEqual(
      []
    )
  })
})
