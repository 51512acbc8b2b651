import { open } from "ffkiln"

const [input = "input.mp4", output = "output.mp4"] = process.argv.slice(2)

const ffkiln = await open({ dataDir: "./data" })
const file = await ffkiln.upload(input)
const { result } = await ffkiln.process(
  {
    task: {
      inputs: [{ file_path: file.file_path }],
      outputs: [{ file: "small.mp4", options: ["-vf", "scale=320:-2", "-crf", "28"] }]
    }
  },
  { onProgress: (fraction) => console.log("progress", fraction), signal: AbortSignal.timeout(600_000) }
)
await ffkiln.save(`${file.dir_id}/${result[0]?.file_name}`, output)
await ffkiln.close()
