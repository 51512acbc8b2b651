/** Where files lie during a run, as seen from the folder of the inputs, in which ffmpeg runs. */

export const outputsFolder = "../out/"

/** The fonts of the task's directory, for libass, which loads every file of a folder. No staged file has a "%" in its name. */
export const fontsFolder = "%fonts"
