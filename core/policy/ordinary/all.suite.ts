import { codecs } from "./codecs.suite.js"
import type { Ordinary } from "./command.suite.js"
import { containers } from "./containers.suite.js"
import { cutting } from "./cutting.suite.js"
import { layers } from "./layers.suite.js"
import { picture } from "./picture.suite.js"
import { sound } from "./sound.suite.js"
import { stills } from "./stills.suite.js"

/** Ordinary uses of ffmpeg, by subject. All must be accepted and give the same result as ffmpeg itself. */
export const ordinary: ReadonlyArray<readonly [subject: string, wishes: ReadonlyArray<Ordinary>]> =
  Object.entries({
    cutting,
    picture,
    layers,
    sound,
    stills,
    codecs,
    containers
  })
