import type { FfmpegOptions } from "../index.js"

/** How runs may be confined and started. Tests of what all have in common go through these. */
export interface Way {
  readonly way: string
  readonly options: Required<Pick<FfmpegOptions, "sandbox">> & Pick<FfmpegOptions, "sandboxKind" | "launch">
  /** Whether runs are forked from a program that is kept loaded. */
  readonly warm: boolean
}

const bubblewrap = { sandbox: "required", sandboxKind: "bubblewrap" } as const

/** Those with a sandbox, which needs Linux. */
export const sandboxedWays: ReadonlyArray<Way> = [
  { way: "warm in bubblewrap", options: { ...bubblewrap, launch: "warm" }, warm: true },
  {
    way: "warm by Landlock alone",
    options: { sandbox: "required", sandboxKind: "landlock", launch: "warm" },
    warm: true
  },
  { way: "bubblewrap for each run", options: { ...bubblewrap, launch: "plain" }, warm: false }
]

export const openWay: Way = { way: "no sandbox", options: { sandbox: "off" }, warm: false }

export const ways: ReadonlyArray<Way> = process.platform === "linux" ? [...sandboxedWays, openWay] : [openWay]
