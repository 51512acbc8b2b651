import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Either, FastCheck as fc } from "effect"
import { execa } from "execa"
import { afterAll, describe, expect, it } from "vitest"
import { ordinaryGraphs, refusedGraphs } from "./filter-lists.suite.js"
import { fileRule, whyForbidden } from "./filter-rules.js"
import { parseGraph } from "./filtergraph.js"
import { readFilters } from "./filters.js"
import { defaultPolicy } from "./policy.js"
import { filters5 } from "./tables/filters-5.js"

/** Some filters write files as soon as they are made. */
const cwd = mkdtempSync(join(tmpdir(), "filters-test-"))
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

interface Setting {
  readonly filter: string
  readonly key: string
  readonly value: string
}

/** What ffmpeg understands of a graph, up to the first filter that it can't make. */
const readByFfmpeg = async (graph: string) => {
  const { stderr } = await execa("ffmpeg", ["-nostdin", "-v", "debug", "-filter_complex", graph], {
    ...{
      cwd,
      reject: false,
      stdin: "ignore",
      maxBuffer: 2 ** 24,
      timeout: 20_000,
      env: { AV_LOG_FORCE_NOCOLOR: "1" }
    }
  })
  const settings = [
    ...stderr.matchAll(
      /^\[(?:Parsed_(\w+?)_\d+|([^@\]]+)@[^\]]*?) @ 0x[0-9a-f]+\] Setting '(.*?)' to value '([\s\S]*?)'$/gm
    )
  ].map(([, parsed, named, key = "", value = ""]): Setting => ({ filter: parsed ?? named ?? "", key, value }))
  const unknown = [...stderr.matchAll(/No such filter: '(.*)'$/gm)].map(([, name = ""]) => name)
  return { settings, unknown }
}

const accepted = (graph: string) => readFilters(graph, defaultPolicy)

/** Ordinary and refused graphs, bent here and there: what is accepted of them is worth asking about. */
const bent = fc
  .record({
    parts: fc.array(
      fc.constantFrom(
        ...ordinaryGraphs,
        ...refusedGraphs.map(([graph]) => graph).filter((graph) => graph.length < 200)
      ),
      {
        minLength: 1,
        maxLength: 3
      }
    ),
    between: fc.constantFrom(",", ";", ":", "[x],", "'"),
    at: fc.nat(200),
    put: fc.constantFrom(
      "",
      "'",
      "\\",
      "\\'",
      ",",
      ";",
      ":",
      "=",
      "@",
      " ",
      "[a]",
      "f=",
      "movie=x",
      ",movie=x",
      "/"
    )
  })
  .map(({ parts, between, at, put }) => {
    const graph = parts.join(between)
    return `${graph.slice(0, at)}${put}${graph.slice(at)}`
  })
  .filter((graph) => Either.isRight(accepted(graph)))

describe("ffmpeg itself", () => {
  it("finds no forbidden filter, no unknown one and no file that was not seen in graphs that are accepted", {
    timeout: 120_000
  }, async () => {
    const graphs = fc.sample(bent, process.env.FFKILN_TEST_LONG === undefined ? 60 : 2000)
    let settings = 0
    const check = async (written: string) => {
      const { graph, ...read } = Either.getOrThrow(accepted(written))
      const told = await readByFfmpeg(graph)
      const names = Either.getOrThrow(parseGraph(graph))
        .chains.flat()
        .map(({ name }) => name)
      const files = read.files.map(({ name }) => name as string)
      // Those of builds and versions other than this one are allowed.
      for (const name of told.unknown) expect(filters5.has(name)).toBe(false)
      for (const { filter, key, value } of told.settings) {
        expect([graph, names]).toEqual([graph, expect.arrayContaining([filter])])
        expect(whyForbidden(filter, false)).toBeUndefined()
        const rule = fileRule(filter, key)
        expect(rule).not.toBe("nothing")
        if (rule === "file" || rule === "subtitles")
          expect([graph, files]).toEqual([graph, expect.arrayContaining([value])])
        if (rule === "made")
          expect([graph, read.made.map((name) => `../out/${name}`)]).toEqual([
            graph,
            expect.arrayContaining([value])
          ])
        if (rule === "fonts") expect([graph, value]).toEqual([graph, "%fonts"])
        settings++
      }
    }
    const queue = [...graphs]
    const work = async () => {
      for (let graph = queue.pop(); graph !== undefined; graph = queue.pop()) await check(graph)
    }
    await Promise.all([work(), work(), work()])
    expect(settings).toBeGreaterThan(graphs.length)
  })

  it.each([
    "drawtext",
    "subtitles",
    "ass",
    "curves",
    "lut3d",
    "scale",
    "psnr",
    "showcqt",
    "life",
    "metadata"
  ])("takes values without keys for the options that the table says: %s", async (name) => {
    const { ordered = [] } = filters5.get(name) ?? {}
    const { settings } = await readByFfmpeg(`${name}=${ordered.map(() => "1").join(":")}`)
    expect(settings).toEqual(ordered.map((key) => ({ filter: name, key, value: "1" })))
  })

  it.each<[string, ReadonlyArray<string>]>([
    ["scale=w=160:-2", ["w=160", "h=-2"]],
    ["scale=160:h=-2:bilinear", ["w=160", "h=-2", "flags=bilinear"]],
    ["scale=width=10:height=20:bilinear:interl=1", ["width=10", "height=20", "flags=bilinear", "interl=1"]],
    ["crop=w=10:20", ["w=10", "out_h=20"]],
    ["drawtext=fontfile=a.ttf:'c,d':fontsize=9", ["fontfile=a.ttf", "text=c,d", "fontsize=9"]]
  ])(
    "reads values without a key after one with a key as version 5 does, and in each version what it is given: %s",
    async (graph, expected) => {
      const values = async (text: string) =>
        (await readByFfmpeg(text)).settings.map(({ key, value }) => `${key}=${value}`)
      expect(await values(Either.getOrThrow(accepted(graph)).graph)).toEqual(expected)
      if (/^ffmpeg version n?5\./.test((await execa("ffmpeg", ["-version"])).stdout))
        expect(await values(graph)).toEqual(expected)
    }
  )
})
