import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { clip, type Host, startHost } from "./host.suite.js"

/**
 * Tasks that name further files of their directory, compared with bare ffmpeg on the same files and options.
 */

let host: Host
let folder: string
let dir: string
beforeAll(async () => {
  host = await startHost()
  folder = await mkdtemp(join(tmpdir(), "ffkiln-bare-"))
  const files: Record<string, Buffer | string> = {
    "clip.mp4": await clip(),
    "subs.srt": "1\n00:00:00,000 --> 00:00:00,900\nHello\n",
    "it's.srt": "1\n00:00:00,000 --> 00:00:00,900\nOther words\n",
    "credits.txt": "made by nobody",
    "swap.cube": `LUT_3D_SIZE 2\n${["0 0 0", "0 0 1", "0 1 0", "0 1 1", "1 0 0", "1 0 1", "1 1 0", "1 1 1"].join("\n")}\n`,
    "warm.acv": Buffer.from(
      "0004000100020000000000ff00ff00020000000000ff00c000020000000000ff00ff00020000000000ff00ff",
      "hex"
    ),
    "list.txt": "ffconcat version 1.0\n# twice\nfile clip.mp4\nfile 'clip.mp4'\n",
    "stray.txt": "file clip.mp4\nfile nosuch.mp4\n",
    "deep.txt": "file ../../secret.mp4\n",
    "my clip (1).mp4": await clip(),
    "blanks.txt": "file 'my clip (1).mp4'\nfile clip.mp4\n",
    "folder.txt": "file ./clip.mp4\nfile './my clip (1).mp4'\n",
    "open.txt": "file clip.mp4 and more.mp4\n",
    "unquoted.txt": "file my clip (1).mp4\n",
    "bom.txt": "\ufefffile clip.mp4\n",
    "double.txt": 'file "clip.mp4"\n',
    "100%.mp4": await clip(),
    "percent.txt": "file 100%.mp4\nfile '100%.mp4'\n",
    "page.mp4": "<html><body>not found</body></html>",
    "broken.txt": "file clip.mp4\nfile page.mp4\nfile clip.mp4\n",
    "nested.txt": "file inner.txt\n",
    "inner.txt": "ffconcat version 1.0\nfile hidden.mp4\n",
    "hidden.mp4": await clip(),
    "playlist.srt": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.mp4\n#EXT-X-ENDLIST\n",
    "script.ass": "ffconcat version 1.0\nfile subs.srt\n"
  }
  for (const [name, bytes] of Object.entries(files)) {
    await writeFile(join(folder, name), bytes)
    const path = await host.uploaded(name, bytes, dir)
    dir ??= path.slice(0, path.indexOf("/"))
  }
  const subtitled = [
    "-i",
    "clip.mp4",
    "-i",
    "subs.srt",
    "-map",
    "0",
    "-map",
    "1",
    "-c",
    "copy",
    "-c:s",
    "srt",
    "clip.mkv"
  ]
  await execa("ffmpeg", ["-v", "error", ...subtitled], { cwd: folder, stdin: "ignore" })
  await host.uploaded("clip.mkv", await readFile(join(folder, "clip.mkv")), dir)
})
afterAll(async () => {
  await host.close()
  await rm(folder, { recursive: true, force: true })
})

const input = { file_path: "clip.mp4" }
const run = (task: {
  readonly inputs?: ReadonlyArray<object>
  readonly outputs: ReadonlyArray<object>
  readonly filter_complex?: string
}) =>
  host.call("POST", "/ffmpeg/process", {
    body: {
      task: {
        ...task,
        inputs: (task.inputs ?? [input]).map((each) => ({
          ...each,
          file_path: `${dir}/${(each as typeof input).file_path}`
        }))
      }
    }
  })

/** The text of the only output of a task. */
const made = async (task: Parameters<typeof run>[0]): Promise<string> => {
  const { body } = await run(task)
  expect(body).toMatchObject({ ok: true })
  return (await fetch(body.result[0].download_url)).text()
}

/** Frames by their content, independent of the version of the software. */
const frames = ["-f", "framecrc", "-bitexact"]
const bare = async (...args: ReadonlyArray<string>): Promise<string> =>
  (
    await execa("ffmpeg", ["-v", "error", ...args, ...frames, "-"], {
      cwd: folder,
      stdin: "ignore",
      stripFinalNewline: false
    })
  ).stdout
const plainFrames = () => bare("-i", "clip.mp4", "-an")

describe("a filter with a file of the directory", () => {
  it.each([
    "subtitles=subs.srt",
    "subtitles=f=subs.srt:force_style='FontSize=40'",
    "subtitles=it\\\\\\'s.srt",
    "subtitles=clip.mkv:si=0",
    "scale=128:-2,subtitles@a='subs.srt',hflip",
    "drawtext=textfile=credits.txt:fontsize=12:fontcolor=white",
    "drawtext=font=DejaVu Sans:text=hi:fontsize=12",
    "format=rgb24,lut3d=swap.cube",
    "curves=psfile=warm.acv"
  ])("%s", async (graph) => {
    const options = ["-vf", graph, "-an", ...frames]
    const expected = await bare("-i", "clip.mp4", "-vf", graph, "-an")
    expect(expected).not.toBe(await plainFrames())
    expect(await made({ outputs: [{ file: "a.crc", options }] })).toBe(expected)
    const complex = {
      filter_complex: `[0:v]${graph}[v]`,
      outputs: [{ file: "b.crc", maps: ["[v]"], options: frames }]
    }
    expect(await made(complex)).toBe(expected)
  })

  it("may also read an input", async () => {
    const options = ["-vf", "subtitles=clip.mkv", "-an", "-sn", ...frames]
    const expected = await bare("-i", "clip.mkv", "-vf", "subtitles=clip.mkv", "-an", "-sn")
    expect(await made({ inputs: [{ file_path: "clip.mkv" }], outputs: [{ file: "c.crc", options }] })).toBe(
      expected
    )
  })

  it.each([
    ["subtitles=nosuch.srt", 'the value of -vf names "nosuch.srt", which is not in'],
    ["subtitles=/etc/passwd", 'sets "filename" of the filter "subtitles" to "/etc/passwd"'],
    ["drawtext=textfile=../credits.txt", "without"],
    ["movie=clip.mp4", "another input"]
  ])("%s is refused: %s", async (graph, reason) => {
    const reply = await run({ outputs: [{ file: "x.mp4", options: ["-vf", graph] }] })
    expect([reply.status, reply.body.error]).toEqual([400, expect.stringContaining(reason)])
    expect(reply.body.error).toMatch(/^Invalid task format: task\.outputs\[0\]\.options: /)
    const complex = await run({ filter_complex: `${graph}[v]`, outputs: [{ file: "x.mp4", maps: ["[v]"] }] })
    expect([complex.status, complex.body.error]).toEqual([
      400,
      expect.stringMatching(/^Invalid task format: task\.filter_complex /)
    ])
  })

  it.each(["playlist.srt", "script.ass", "credits.txt", "clip.mp4"])(
    "%s is not a subtitle file, and the files that it names are not opened",
    async (name) => {
      const reply = await run({
        outputs: [{ file: "x.mp4", options: ["-vf", `subtitles=subs.srt,subtitles=${name}`] }]
      })
      expect(reply.status).toBe(500)
      expect(reply.body.error).toContain(`"${name}" holds no subtitles that can be drawn`)
    }
  )
})

describe("files of a list are joined", () => {
  const joined = (name: string, options: ReadonlyArray<string> = ["-f", "concat"]) => ({
    inputs: [{ file_path: name, options }],
    outputs: [{ file: "joined.crc", options: ["-c", "copy", ...frames] }]
  })

  it("as by ffmpeg", async () => {
    const expected = await bare("-f", "concat", "-i", "list.txt", "-c", "copy")
    expect(expected.length).toBeGreaterThan(1.8 * (await bare("-i", "clip.mp4", "-c", "copy")).length)
    expect(await made(joined("list.txt"))).toBe(expected)
  })

  it("under any names, with and without -safe 0", async () => {
    const expected = await bare("-f", "concat", "-safe", "0", "-i", "blanks.txt", "-c", "copy")
    expect(await made(joined("blanks.txt"))).toBe(expected)
    expect(await made(joined("blanks.txt", ["-f", "concat", "-safe", "0"]))).toBe(expected)
  })

  it("up to one that can't be read, with a warning that names it", async () => {
    const { status, body } = await run(joined("broken.txt"))
    expect([status, body.warnings]).toEqual([
      200,
      ['"page.mp4", which a list names, is a web page: the result ends before it']
    ])
  })

  it.each(["folder.txt", "open.txt", "percent.txt"])(
    "with all that ffmpeg reads of each line: %s",
    async (name) => {
      const expected = await bare("-f", "concat", "-safe", "0", "-i", name, "-c", "copy")
      expect(await made(joined(name))).toBe(expected)
    }
  )

  it.each([
    [
      "bom.txt",
      'the list "bom.txt" begins with a byte order mark, which ffmpeg does not read: save it as UTF-8 without BOM'
    ],
    [
      "double.txt",
      "names stand in single quotes in a list, others are taken for part of the name: write file 'clip.mp4'"
    ],
    ["unquoted.txt", "if its name goes on after the blank, put it in quotes: file 'my clip (1).mp4'"],
    ["stray.txt", 'the list "stray.txt" names "nosuch.mp4", which is not in'],
    ["deep.txt", 'write "secret.mp4"'],
    ["clip.mp4", "UTF-8"]
  ])("but %s is refused: %s", async (name, reason) => {
    const reply = await run(joined(name))
    expect([reply.status, reply.body.error]).toEqual([400, expect.stringContaining(reason)])
    expect(reply.body.error).toContain("task.inputs[0].file_path")
  })

  it("and a file without the format concat, or a list of lists, is refused", async () => {
    expect((await run(joined("list.txt", []))).body.error).toContain("not accepted")
    expect((await run(joined("nested.txt"))).status).toBe(500)
  })
})

describe("a file named by an option", () => {
  it("is attached", async () => {
    const options = ["-c", "copy", "-attach", "credits.txt", "-metadata:s:t:0", "mimetype=text/plain"]
    const { body } = await run({ outputs: [{ file: "with.mkv", options }] })
    expect(body).toMatchObject({ ok: true })
    const probe = await host.call("POST", "/ffprobe/analyze", { body: { file_path: `${dir}/with.mkv` } })
    expect(JSON.stringify(probe.body)).toContain("credits.txt")
    const missing = await run({ outputs: [{ file: "x.mkv", options: ["-attach", "nosuch.ttf"] }] })
    expect([missing.status, missing.body.error]).toEqual([
      400,
      expect.stringMatching(/task\.outputs\[0\]\.options: -attach names "nosuch.ttf", which is not in/)
    ])
  })
})

describe("two passes", () => {
  const x264 = ["-an", "-c:v", "libx264", "-preset", "medium", "-b:v", "40k", "-threads", "1"]
  const vp9 = [
    "-an",
    "-c:v",
    "libvpx-vp9",
    "-deadline",
    "good",
    "-cpu-used",
    "5",
    "-b:v",
    "40k",
    "-threads",
    "1"
  ]

  it.each([
    [
      "x264 with a name for the log.mp4",
      x264,
      ["-passlogfile", "my log"],
      ["my log-0.log", "my log-0.log.mbtree"]
    ],
    ["x264.mp4", x264, [], ["ffmpeg2pass-0.log", "ffmpeg2pass-0.log.mbtree"]],
    ["vp9.webm", vp9, ["-passlogfile", "vp9"], ["vp9-0.log"]]
  ])("equal those of bare ffmpeg: %s", async (file, encoder, named, logs) => {
    const pass = (number: number) =>
      run({ outputs: [{ file: `${number} ${file}`, options: [...encoder, "-pass", number, ...named] }] })
    const early = await pass(2)
    expect([early.status, early.body.error]).toEqual([
      400,
      expect.stringContaining(`has no "${logs[0]}": run the first pass there first`)
    ])
    const first = await pass(1)
    expect(first.body).toMatchObject({ ok: true })
    const made: ReadonlyArray<{ readonly file_name: string }> = first.body.result
    expect(made.map(({ file_name }) => file_name)).toEqual([`1 ${file}`, ...logs])
    const second = await pass(2)
    expect(second.body).toMatchObject({ ok: true, result: [{ file_name: `2 ${file}` }] })
    await writeFile(
      join(folder, `ours ${file}`),
      Buffer.from(await (await fetch(second.body.result[0].download_url)).arrayBuffer())
    )
    for (const number of ["1", "2"]) {
      await execa(
        "ffmpeg",
        [
          "-v",
          "error",
          "-y",
          "-i",
          "clip.mp4",
          ...encoder,
          "-pass",
          number,
          "-passlogfile",
          "bare",
          `bare ${file}`
        ],
        {
          ...{ cwd: folder, stdin: "ignore" }
        }
      )
    }
    expect(await bare("-i", `ours ${file}`, "-c", "copy")).toBe(
      await bare("-i", `bare ${file}`, "-c", "copy")
    )
  })
})

describe("an encoder that overlooks -pass", () => {
  it.each([
    [
      "libx265",
      "write -x265-params pass=1:stats=x265.log, then -x265-params pass=2:stats=x265.log, in the place of -pass"
    ],
    ["libsvtav1", "leave -pass out, or use an encoder that takes it"]
  ])("has a warning for each pass: %s", async (encoder, instead) => {
    const options = [
      "-an",
      "-vf",
      "scale=128:128",
      "-c:v",
      encoder,
      "-b:v",
      "40k",
      "-passlogfile",
      encoder,
      "-pass"
    ]
    const says = `${encoder} does not take -pass: the log "${encoder}-0.log" is empty, and the result is that of one pass: ${instead}`
    for (const output of [
      { file: "-", options: [...options, "1", "-f", "null"] },
      { file: `${encoder}.mp4`, options: [...options, "2"] }
    ]) {
      const { body } = await run({ outputs: [output] })
      expect(body).toMatchObject({ ok: true, warnings: [expect.stringContaining(says)] })
    }
  })
})

describe("two passes by an encoder's own parameters", () => {
  const x264 = ["-an", "-c:v", "libx264", "-preset", "veryfast", "-x264-params"]
  const x265 = ["-an", "-c:v", "libx265", "-preset", "superfast", "-x265-params"]

  it.each([
    ["x264", x264, "bitrate=40", "x264_2pass.log", ".mbtree"],
    ["x265", x265, "bitrate=40:log-level=error", "x265_2pass.log", ".cutree"],
    ["x264 with a name for the log", x264, "bitrate=40:stats=my log", "my log", ".mbtree"]
  ])("keep the log between the tasks: %s", async (title, encoder, list, log, suffix) => {
    const pass = (number: number, output: object) =>
      run({
        outputs: [
          {
            ...output,
            options: [...encoder, `pass=${number}:${list}`, ...(number === 1 ? ["-f", "null"] : [])]
          }
        ]
      })
    const early = await pass(2, { file: `${title}.mp4` })
    expect([early.status, early.body.error]).toEqual([
      400,
      expect.stringContaining(`names "${log}", which is not in`)
    ])
    const first = await pass(1, { file: "-" })
    expect([
      first.body.ok,
      first.body.result?.map(({ file_name }: { file_name: string }) => file_name)
    ]).toEqual([true, [log, `${log}${suffix}`]])
    const second = await pass(2, { file: `${title}.mp4` })
    expect(second.body).toMatchObject({ ok: true, result: [{ file_name: `${title}.mp4` }] })
  })
})

describe("a third pass", () => {
  const x264 = ["-an", "-c:v", "libx264", "-preset", "medium", "-threads", "1"]
  const byOption = (name: string) => (pass: number) => [
    ...x264,
    "-b:v",
    "40k",
    "-pass",
    `${pass}`,
    "-passlogfile",
    name
  ]
  const byList =
    (...encoder: ReadonlyArray<string>) =>
    (name: string) =>
    (pass: number) => [...encoder, `pass=${pass}:bitrate=40:stats=${name}`]

  it.each([
    ["x264 by -pass", byOption, ["-0.log", "-0.log.mbtree"]],
    ["x264 by its parameters", byList(...x264, "-x264-params"), ["", ".mbtree"]],
    [
      "x265 by its parameters",
      byList("-an", "-c:v", "libx265", "-preset", "superfast", "-threads", "1", "-x265-params"),
      ["", ".cutree"]
    ],
    // The encoder opens its log for writing in place, and must not write to the stored file.
    [
      "mpeg4 by -pass",
      (name: string) => (pass: number) => [
        "-an",
        "-c:v",
        "mpeg4",
        "-b:v",
        "40k",
        "-pass",
        `${pass}`,
        "-passlogfile",
        name
      ],
      ["-0.log"]
    ]
  ])("reads the log and writes a new one, like bare ffmpeg: %s", async (title, encoder, suffixes) => {
    const name = title.replaceAll(" ", "_")
    const options = encoder(name)
    const early = await run({ outputs: [{ file: `3 ${title}.mp4`, options: options(3) }] })
    expect([early.status, early.body.error]).toEqual([
      400,
      expect.stringContaining("run the first pass there first")
    ])
    const logs = suffixes.map((suffix) => `${name}${suffix}`)
    const contents: Array<string> = []
    for (const pass of [1, 3, 2]) {
      const { body } = await run({ outputs: [{ file: `${pass} ${title}.mp4`, options: options(pass) }] })
      expect(body).toMatchObject({ ok: true })
      const results: ReadonlyArray<{ readonly file_name: string; readonly download_url: string }> =
        body.result
      expect(results.map(({ file_name }) => file_name)).toEqual([
        `${pass} ${title}.mp4`,
        ...(pass === 2 ? [] : logs)
      ])
      await writeFile(
        join(folder, `${pass} ours.mp4`),
        Buffer.from(await (await fetch(results[0]?.download_url ?? "")).arrayBuffer())
      )
      if (pass !== 2) contents.push(await (await fetch(results[1]?.download_url ?? "")).text())
      const bareOptions = encoder(`bare_${name}`)(pass)
      await execa("ffmpeg", ["-v", "error", "-y", "-i", "clip.mp4", ...bareOptions, `${pass} bare.mp4`], {
        cwd: folder,
        stdin: "ignore"
      })
      expect(await bare("-i", `${pass} ours.mp4`, "-c", "copy")).toBe(
        await bare("-i", `${pass} bare.mp4`, "-c", "copy")
      )
    }
    expect(contents[1]).not.toBe(contents[0])
    const log = await readFile(join(folder, `bare_${logs[0]}`), "utf8")
    expect(contents[1]?.replace(/stats=\S+/g, "")).toBe(log.replace(/stats=\S+/g, ""))
  })

  it("does not overwrite an uploaded log, which the second pass reads", async () => {
    const { body } = await run({ outputs: [{ file: "u.mp4", options: byOption("sent")(1) }] })
    for (const { file_name, download_url } of body.result.slice(1)) {
      const bytes = Buffer.from(await (await fetch(download_url)).arrayBuffer())
      await host.call("DELETE", `/file/${dir}/${file_name}`)
      await host.uploaded(file_name, bytes, dir)
    }
    const third = await run({ outputs: [{ file: "u.mp4", options: byOption("sent")(3) }] })
    expect([third.status, third.body.error]).toEqual([
      400,
      expect.stringContaining("use pass 2, which reads the log and leaves it as it is")
    ])
    expect((await run({ outputs: [{ file: "u.mp4", options: byOption("sent")(2) }] })).body).toMatchObject({
      ok: true
    })
  })
})
