/* Folders of a run, relative to the folder of the inputs, in which ffmpeg runs. */

export const outputsFolder = "../out/"

/**
 * Folder of the fonts for libass, which loads every file of a folder. No staged file has a "%" in its name.
 */
export const fontsFolder = "%fonts"
