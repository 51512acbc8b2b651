import { ffmpeg43 } from "./ffmpeg-4.3.js"
import { ffmpeg5 } from "./ffmpeg-5.js"
import { ffmpeg61 } from "./ffmpeg-6.1.js"
import { ffmpeg71 } from "./ffmpeg-7.1.js"
import { ffmpeg90 } from "./ffmpeg-9.0.js"
import { type LibraryVersion, libraryDistance, type OptionTable } from "./option-table.js"

/** The tables that come with ffkiln, the oldest first. */
export const knownTables: readonly [OptionTable, ...ReadonlyArray<OptionTable>] = [
  ffmpeg43,
  ffmpeg5,
  ffmpeg61,
  ffmpeg71,
  ffmpeg90
]

/** All of them, those of builds that are close in time first. */
export const nearestTables = (library: LibraryVersion): typeof knownTables => {
  const distance = (table: OptionTable) => libraryDistance(table.library, library)
  const [first, ...others] = [...knownTables].sort((a, b) => distance(a) - distance(b))
  return [first ?? ffmpeg5, ...others]
}
