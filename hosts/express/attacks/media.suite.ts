import type { MediaAttack } from "./attack.suite.js"

/** Files that make a player open other files, or connect to a chosen host, without any option. */

const text = (title: string, name: string, content: string, openly?: MediaAttack["openly"]): MediaAttack => ({
  title,
  name,
  content,
  ...(openly && { openly })
})

const hls = (...lines: ReadonlyArray<string>) =>
  ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:9", ...lines, "#EXT-X-ENDLIST", ""].join("\n")
const segment = (url: string) => hls("#EXTINF:9,", url)

const mpd = (inside: string) =>
  `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT9S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet mimeType="video/mp4">${inside}</AdaptationSet></Period></MPD>`
const representation = (inside: string) =>
  `<Representation id="1" bandwidth="9" codecs="avc1.42c00d">${inside}</Representation>`

const web = "http://127.0.0.1:$PORT"

export const textAttacks: ReadonlyArray<MediaAttack> = [
  text("HLS with a segment on a host", "video.mp4", segment(`${web}/a.ts`)),
  // Ended only by limits, after ten seconds: the others run beside it, and a share leaves it out.
  text("a name that is a wide pattern", "a%0999999999d.png", "x"),
  text("HLS with a segment on a host, as a picture", "picture.png", segment(`${web}/a.ts`)),
  text("HLS with a segment on a host, as subtitles", "words.srt", segment(`${web}/a.ts`)),
  text("HLS with a segment among the host's files", "video.mp4", segment("file://$OPEN/secret.mp4")),
  text("HLS with a segment that is a path", "list.m3u8", segment("$OPEN/secret.mp4")),
  text(
    "HLS with a segment of subtitles of the host's",
    "list.m3u8",
    segment("$OPEN/secret.mkv"),
    "completes"
  ),
  text("HLS with a segment up the folders", "list.m3u8", segment("../../../../../../../..$OPEN/secret.mp4")),
  text("HLS with a segment of another key", "list.m3u8", segment("$BLOB")),
  text("HLS with a segment by concat", "list.m3u8", segment(`concat:${web}/a|file:$CANARY`)),
  text("HLS with a segment by subfile", "list.m3u8", segment("subfile,,start,0,end,64,,:$CANARY")),
  text("HLS with a segment on a socket", "list.m3u8", segment("unix:$SOCKET")),
  text("HLS with a segment by gopher", "list.m3u8", segment("gopher://127.0.0.1:$PORT/_x")),
  text("HLS with a segment by data", "list.m3u8", segment("data:text/plain;base64,AAAA")),
  text(
    "HLS with a key on a host",
    "list.m3u8",
    hls(`#EXT-X-KEY:METHOD=AES-128,URI="${web}/key"`, "#EXTINF:9,", "clip.mp4")
  ),
  text(
    "HLS with a key that is a file",
    "list.m3u8",
    hls('#EXT-X-KEY:METHOD=AES-128,URI="$CANARY"', "#EXTINF:9,", "clip.mp4")
  ),
  text(
    "HLS with a map on a host",
    "list.m3u8",
    hls(`#EXT-X-MAP:URI="${web}/init.mp4"`, "#EXTINF:9,", "clip.mp4")
  ),
  text("HLS of variants on a host", "list.m3u8", hls("#EXT-X-STREAM-INF:BANDWIDTH=9", `${web}/low.m3u8`)),
  text(
    "HLS with sound on a host",
    "list.m3u8",
    hls(
      `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="${web}/a.m3u8"`,
      '#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO="a"',
      "clip.mp4"
    )
  ),
  text("HLS after other bytes", "video.mp4", `\n\n#EXTM3U\n${segment(`${web}/a.ts`)}`),
  text(
    "DASH with a base on a host",
    "video.mp4",
    mpd(`<BaseURL>${web}/</BaseURL>${representation("<BaseURL>a.mp4</BaseURL>")}`)
  ),
  text(
    "DASH with a base of files",
    "manifest.mpd",
    mpd(representation("<BaseURL>file://$OPEN/secret.mp4</BaseURL>"))
  ),
  text(
    "DASH with a template",
    "manifest.mpd",
    mpd(
      representation(
        `<SegmentTemplate initialization="${web}/init" media="${web}/$Number$" duration="1" startNumber="1"/>`
      )
    )
  ),
  text(
    "DASH with an external entity",
    "manifest.mpd",
    '<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY x SYSTEM "file://$CANARY">]><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>&x;</Period></MPD>'
  ),
  text(
    "a script that joins a file of the host",
    "video.mp4",
    "ffconcat version 1.0\nfile '$OPEN/secret.mp4'\n"
  ),
  text(
    "a script that joins a file up the folders",
    "video.mp4",
    "ffconcat version 1.0\nfile ../../../../../../../..$OPEN/secret.mp4\n"
  ),
  text(
    "a script that joins what is on a host",
    "list.ffconcat",
    `ffconcat version 1.0\nfile '${web}/a.ts'\n`
  ),
  text(
    "a script that sets options",
    "list.ffconcat",
    `ffconcat version 1.0\nfile 'video.mp4'\noption protocol_whitelist file,http,tcp\nfile '${web}/a'\n`
  ),
  text("a script without its first line", "list.txt", "file '$OPEN/secret.mp4'\n"),
  text(
    "a session description",
    "video.mp4",
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video $PORT RTP/AVP 96\n"
  ),
  text(
    "SVG with pictures from elsewhere",
    "picture.png",
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="16" height="16"><image xlink:href="file://$OPEN/secret.mp4" width="9" height="9"/><image href="${web}/a.png" width="9" height="9"/></svg>`
  ),
  text(
    "SVG with an external entity",
    "picture.svg",
    '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file://$CANARY">]><svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>'
  ),
  text(
    "SVG by its name, with pictures and styles from elsewhere",
    "picture.svg",
    `<?xml version="1.0"?><?xml-stylesheet href="${web}/a.css" type="text/css"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xi="http://www.w3.org/2001/XInclude" width="16" height="16"><style>@import url("file://$OPEN/a.css"); @import url("${web}/b.css"); @font-face{font-family:x;src:url("${web}/x.ttf")}</style><image xlink:href="file://$OPEN/secret.mp4" width="9" height="9"/><image href="${web}/a.png" width="9" height="9"/><use href="file://$OPEN/a.svg#a"/><filter id="f"><feImage href="${web}/f.png"/></filter><rect width="9" height="9" filter="url(#f)"/><text font-family="x">a</text><xi:include href="file://$CANARY" parse="text"/></svg>`
  ),
  text(
    "SAMI with a picture and a style sheet",
    "words.smi",
    `<SAMI><HEAD><STYLE>@import url("${web}/a.css");</STYLE></HEAD><BODY><SYNC Start=0><P><img src="${web}/a.png"><a href="file://$CANARY">x</a></BODY></SAMI>\n`
  ),
  text(
    "RealText with a picture",
    "words.rt",
    `<window duration="9"><time begin="0"/><img src="${web}/a.png"/><a href="file://$CANARY">x</a></window>\n`
  ),
  text("JacoSub that includes a file", "words.jss", "#INCLUDE $CANARY\n#T100\n0:00:00.00 0:00:01.00 D x\n"),
  text(
    "MicroDVD with a file of fonts",
    "words.sub",
    `{1}{1}25\n{0}{25}{f:$CANARY}x\n{26}{50}{F:${web}/a}y\n{51}{60}z\n`
  ),
  text("lyrics with a file of sound", "words.lrc", "[au:$CANARY]\n[00:00.00]file://$CANARY\n[00:01.00]y\n"),
  text("MPsub that names a file", "words.sub", "TITLE=x\nFILE=$CANARY\nFORMAT=25\n\n0 25\nx\n"),
  text(
    "XPM that names a file",
    "picture.xpm",
    '/* XPM */\nstatic char * a[] = {\n"1 1 1 1",\n"a c file://$CANARY",\n"a"\n};\n'
  ),
  text(
    "a FITS header that names a file",
    "picture.fits",
    "SIMPLE  =                    T / $CANARY".padEnd(2880)
  ),
  text("a list of addresses", "songs.m3u", `#EXTM3U\n${web}/a.mp3\n`),
  text("a PLS list", "songs.pls", `[playlist]\nFile1=${web}/a.mp3\nNumberOfEntries=1\n`),
  text("an ASX list", "video.wmv", `<asx version="3.0"><entry><ref href="${web}/a.wmv"/></entry></asx>`),
  text("a redirection for ASF", "video.asf", `[Reference]\nRef1=${web}/a.asf\n`),
  text("a redirection to RTSP", "video.mov", "RTSPtextRTSP://127.0.0.1:$PORT/a\n"),
  text(
    "an XSPF list",
    "songs.xspf",
    `<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track><location>${web}/a</location></track></trackList></playlist>`
  ),
  text("a SMIL presentation", "show.smil", `<smil><body><video src="${web}/a.mp4"/></body></smil>`),
  text(
    "an index of VobSub",
    "words.sub",
    "# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 000000000\n"
  ),
  text("a cue sheet", "music.cue", 'FILE "$OPEN/secret.mp4" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'),
  text(
    "a composition of IMF",
    "video.xml",
    '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2013"><Id>urn:uuid:8713c020-2489-45f5-a9f7-87be539e20b5</Id><EditRate>24 1</EditRate></CompositionPlaylist>'
  ),
  text("an AviSynth script", "video.avs", 'AVISource("$CANARY")\n'),
  text("a VapourSynth script", "video.vpy", "import os; os.system('touch $OPEN/new')\n"),
  text("a shell script", "video.sh", "#!/bin/sh\ntouch $OPEN/new\n"),
  text("a text for terminals", "video.ans", "\u001b[2J\u001b[31mhello\u001b]0;$CANARY\u0007"),
  text(
    "tags that name files",
    "chapters.ini",
    `;FFMETADATA1\ntitle=$CANARY\nurl=${web}/\n[CHAPTER]\nTIMEBASE=1/0\nSTART=0\nEND=1\n`
  ),
  text(
    "SubRip with pictures",
    "words.srt",
    `1\n00:00:00,000 --> 00:00:01,000\n<img src="${web}/a.png"><font face="$CANARY">x</font>\n`
  ),
  text(
    "WebVTT with a style sheet",
    "words.vtt",
    `WEBVTT\n\nSTYLE\n@import url("${web}/a.css");\n\n00:00.000 --> 00:01.000\nx\n`
  ),
  text(
    "TTML with a link",
    "words.ttml",
    `<tt xmlns="http://www.w3.org/ns/ttml" xmlns:xlink="http://www.w3.org/1999/xlink"><body><div><p begin="0s" end="1s" xlink:href="${web}/">x</p></div></body></tt>`
  ),
  text(
    "ASS with fonts of paths",
    "words.ass",
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,$CANARY,20\n\n[Fonts]\nfontname: ../../../../../../../..$OPEN/new.ttf\n!!!!\n\n[Events]\nFormat: Start, End, Style, Text\nDialogue: 0:00:00.00,0:00:01.00,Default,{\\fn$CANARY}x\n"
  ),
  text("a name that is a pattern", "%d.png", "x"),
  text("a name that is a glob", "*.png", "x"),
  text("nothing at all", "video.mp4", "")
]
