/** File extensions by media type. The content is not examined. */
const extensions: Readonly<Record<string, string>> = {
  "video/mp4": "mp4 m4v mp4v",
  "video/quicktime": "mov qt",
  "video/x-matroska": "mkv mk3d",
  "video/webm": "webm",
  "video/x-msvideo": "avi",
  "video/x-flv": "flv",
  "video/x-f4v": "f4v",
  "video/x-ms-wmv": "wmv",
  "video/x-ms-asf": "asf",
  "video/mp2t": "ts m2ts mts m2t",
  "video/mpeg": "mpg mpeg mpe m1v m2v vob",
  "video/3gpp": "3gp 3gpp",
  "video/3gpp2": "3g2",
  "video/ogg": "ogv",
  "video/mj2": "mj2",
  "video/h264": "h264 264 avc",
  "video/h265": "h265 265 hevc",
  "video/x-ivf": "ivf",
  "video/av1": "av1 obu",
  "video/x-dv": "dv dif",
  "video/x-yuv4mpeg": "y4m",
  "video/iso.segment": "m4s",
  "application/mxf": "mxf",

  "audio/mpeg": "mp3 mp2 mpga",
  "audio/mp4": "m4a m4b m4r f4a",
  "audio/aac": "aac adts",
  "audio/ogg": "ogg oga spx",
  "audio/opus": "opus",
  "audio/flac": "flac",
  "audio/wav": "wav wave w64 rf64",
  "audio/aiff": "aiff aif aifc",
  "audio/x-caf": "caf",
  "audio/ac3": "ac3",
  "audio/eac3": "eac3 ec3",
  "audio/vnd.dts": "dts",
  "audio/vnd.dts.hd": "dtshd",
  "audio/vnd.dolby.mlp": "mlp thd truehd",
  "audio/amr": "amr",
  "audio/amr-wb": "awb",
  "audio/basic": "au snd",
  "audio/webm": "weba",
  "audio/x-matroska": "mka",
  "audio/x-ms-wma": "wma",
  "audio/x-ape": "ape",
  "audio/x-wavpack": "wv",
  "audio/x-tta": "tta",
  "audio/midi": "mid midi",

  "image/jpeg": "jpg jpeg jpe jfif",
  "image/png": "png",
  "image/apng": "apng",
  "image/gif": "gif",
  "image/webp": "webp",
  "image/avif": "avif",
  "image/heic": "heic",
  "image/heif": "heif",
  "image/jxl": "jxl",
  "image/bmp": "bmp dib",
  "image/tiff": "tif tiff",
  "image/svg+xml": "svg",
  "image/x-icon": "ico",
  "image/jp2": "jp2",
  "image/x-exr": "exr",
  "image/x-dpx": "dpx",
  "image/vnd.adobe.photoshop": "psd",
  "image/x-tga": "tga",
  "image/x-portable-pixmap": "ppm",
  "image/x-portable-graymap": "pgm",
  "image/x-portable-bitmap": "pbm",
  "image/x-portable-anymap": "pnm pam",
  "image/qoi": "qoi",

  "application/x-subrip": "srt",
  "text/vtt": "vtt webvtt",
  "text/x-ssa": "ass ssa",
  "application/ttml+xml": "ttml dfxp",
  "text/x-lrc": "lrc",

  "application/vnd.apple.mpegurl": "m3u8",
  "audio/x-mpegurl": "m3u",
  "audio/x-scpls": "pls",
  "application/dash+xml": "mpd",

  "application/json": "json",
  "application/xml": "xml",
  "text/csv": "csv",
  "text/plain": "txt log md5 framemd5 framecrc ffmetadata cube",
  "font/ttf": "ttf",
  "font/otf": "otf",
  "font/woff": "woff",
  "font/woff2": "woff2",
  "application/zip": "zip",
  "application/pdf": "pdf"
}

/** Other names of media types that servers use, by the type in the table. */
const aliases: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    "video/mp4": "application/mp4 video/x-m4v video/x-mp4",
    "video/x-msvideo": "video/avi video/msvideo video/vnd.avi",
    "video/x-matroska": "video/matroska",
    "video/mpeg": "video/mpg video/x-mpeg video/mp2p video/x-mpeg2",
    "video/mp2t": "video/m2ts video/vnd.dlna.mpeg-tts",
    "video/x-flv": "video/flv",
    "video/ogg": "application/ogg",
    "video/h264": "video/avc",
    "video/h265": "video/hevc",
    "audio/mpeg": "audio/mp3 audio/x-mp3 audio/mpeg3 audio/x-mpeg-3 audio/x-mpeg audio/mpg audio/x-mpg",
    "audio/mp4": "audio/x-m4a audio/m4a audio/mp4a-latm audio/x-m4b",
    "audio/aac": "audio/aacp audio/x-aac audio/x-hx-aac-adts",
    "audio/ogg": "audio/vorbis audio/x-ogg",
    "audio/flac": "audio/x-flac",
    "audio/wav": "audio/x-wav audio/wave audio/x-pn-wav audio/vnd.wave",
    "audio/aiff": "audio/x-aiff",
    "audio/x-caf": "audio/caf",
    "audio/basic": "audio/au audio/x-au",
    "audio/x-matroska": "audio/matroska",
    "audio/amr": "audio/3gpp-amr audio/amr-nb",
    "audio/ac3": "audio/x-ac3",
    "image/jpeg": "image/jpg image/pjpeg",
    "image/png": "image/x-png",
    "image/bmp": "image/x-ms-bmp image/x-bmp",
    "image/tiff": "image/x-tiff",
    "image/x-icon": "image/vnd.microsoft.icon image/ico",
    "image/jp2": "image/jpeg2000",
    "application/x-subrip": "text/srt text/x-srt application/srt",
    "text/x-ssa": "text/x-ass application/x-ass",
    "application/vnd.apple.mpegurl": "application/x-mpegurl",
    "font/ttf": "application/x-font-ttf application/font-sfnt",
    "font/otf": "application/x-font-otf"
  }).flatMap(([type, others]) => others.split(" ").map((other) => [other, type]))
)

const typeOf: ReadonlyMap<string, string> = new Map(
  Object.entries(extensions).flatMap(([type, endings]) =>
    endings.split(" ").map((ending) => [ending, type] as const)
  )
)

/** The media type for a file's extension; `application/octet-stream` if unknown. */
export const mediaType = (fileName: string): string =>
  typeOf.get(/[^.]\.([^.]+)$/.exec(fileName)?.[1]?.toLowerCase() ?? "") ?? "application/octet-stream"

/**
 * The usual extension of a media type (parameters ignored), without the dot; undefined for an unknown type.
 */
export const extensionOf = (type: string): string | undefined => {
  const named = type.split(";")[0]?.trim().toLowerCase() ?? ""
  const plain = Object.hasOwn(aliases, named) ? (aliases[named] as string) : named
  return Object.hasOwn(extensions, plain) ? extensions[plain]?.split(" ")[0] : undefined
}
