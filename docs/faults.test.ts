import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

/** docs/faults.md says nothing that no test holds, and leaves out nothing that one does. */

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8")
const rows = read("docs/faults.md")
  .split("\n")
  .filter((line) => line.startsWith("| ") && /`hosts\/(crash|runner)\//.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map((cells) => ({
    what: cells[1] ?? "",
    file: /`(hosts\/(?:crash|runner)\/[\w.]+)`/.exec(cells.at(-2) ?? "")?.[1] ?? ""
  }))

const rowsOf = (file: string) => rows.filter((row) => row.file === file).map(({ what }) => what)

describe("docs/faults.md", () => {
  it("has a row for every moment at which a host is killed, and no other", () => {
    const moments = [...read("hosts/crash/moments.suite.ts").matchAll(/^ {2}"([^"]+)": changed\(/gm)].map(
      ([, moment]) => moment
    )
    expect(moments.length).toBeGreaterThan(7)
    expect(rowsOf("hosts/crash/moments.test.ts")).toEqual(moments)
  })

  it("has a row for every fault that is tried, and no other", () => {
    const source = read("hosts/crash/faults.test.ts")
    const storage = [...source.matchAll(/\["([^"]+)", "(?:500|silence)"\]/g)].map(
      ([, what]) => `S3 ${what} for a while`
    )
    const titles = [...source.matchAll(/\bit(?:\.runIf\([^"]*\))?\(\s*"([^"]+)"/g)].map(([, title = ""]) =>
      title.replace(/: .*/, "")
    )
    const tried = [...titles.slice(0, 4), ...storage, ...titles.slice(4).map((title) => `a worker ${title}`)]
    expect(rowsOf("hosts/crash/faults.test.ts")).toEqual(tried)
  })

  it("has a row for the kills at random", () => {
    expect(rowsOf("hosts/crash/kills.test.ts")).toHaveLength(1)
  })

  it("has a row for everything that becomes of outputs that grow, and no other", () => {
    const tried = [...read("hosts/runner/growing.test.ts").matchAll(/^ {2}scene\(\s*"([^"]+)"/gm)].map(
      ([, title]) => `a large output ${title}`
    )
    expect(tried.length).toBeGreaterThan(2)
    expect(rowsOf("hosts/runner/growing.test.ts")).toEqual(tried)
  })

  it("has a row for everything that is done to remote runners, and no other", () => {
    const source = read("hosts/runner/faults.test.ts")
    const tried: Array<string> = []
    let subject = ""
    const lost = [...source.matchAll(/^ {4}\["([^"]+)", \/.*, "(?:POST|PUT|GET)"\]/gm)].map(
      ([, what = ""]) => what
    )
    for (const [, group, title] of source.matchAll(
      /^describe(?:\.concurrent)?\("([^"]+)"|^ +(?:scene|it\.live)\(\s*["`]([^"`]+)["`]/gm
    )) {
      subject = group ?? subject
      if (title === undefined) continue
      const whats = title.startsWith("loses the answer")
        ? lost.filter((what) => !/^an? (input|request)/.test(what))
        : lost
      tried.push(
        ...(/\$\{what\}/.test(title) ? whats.map((what) => title.replace(/\$\{what\}/, what)) : [title]).map(
          (each) => `${subject} ${each}`
        )
      )
    }
    expect(rowsOf("hosts/runner/faults.test.ts")).toEqual(tried)
  })
})
