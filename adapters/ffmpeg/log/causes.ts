import { refusedDemuxers } from "../../../core/policy/allowed.js"
import { quoted, type Rule } from "./cause-rule.js"
import { hasStream, type InputStreams, type LoggedStreams, noStreams } from "./input-streams.js"
import { type LinePattern, linePattern } from "./line-pattern.js"
import { anyRefusal, headers, muxerPairs, muxers } from "./muxer-causes.js"

/** ffmpeg prints a demuxer's full name: `matroska,webm`. */
const whyRefusedInput = (format: string): string =>
  refusedDemuxers.get(format) ?? "convert it to a common format first"

/** Messages of ffmpeg and its encoders when an allocation fails. */
const memory: ReadonlyArray<Rule> = [
  {
    forms: [
      "Cannot allocate memory",
      "Memory allocation error",
      "malloc of size {number} failed",
      "memory allocation of {number} bytes failed",
      "memory allocation failure",
      "allocate memory failed",
      "Failed to allocate memory",
      "insufficient resources",
      "std::bad_alloc"
    ],
    say: () =>
      "not enough memory for this task: the limit memoryBytes bounds the address space of its process"
  }
]

const openFiles: ReadonlyArray<Rule> = [
  {
    forms: ["Too many open files$"],
    say: () => "the task opens more files than the limit openFiles allows: use fewer inputs and outputs"
  }
]

/** Missing hardware or drivers. These rules come before those about memory, which the same log may match. */
const hardware: ReadonlyArray<Rule> = [
  {
    forms: [
      "Cannot load libcuda",
      "Cannot load libnvcuvid",
      "Cannot load libnvidia-encode",
      "Cannot load libmfx",
      "Cannot load libvpl",
      "No capable devices found",
      "Failed to initialise VAAPI",
      "Could not find a valid device",
      "No VA display found",
      "No device available for decoder",
      "Device creation failed",
      "Device setup failed for decoder",
      "Hardware device setup failed for decoder"
    ],
    say: () =>
      "the codec needs hardware that this machine does not have: choose one that runs in software, for example libx264"
  }
]

/** Names that this ffmpeg does not know. */
const unknown: ReadonlyArray<Rule> = [
  { forms: ["^Unrecognized option '{}'"], say: (name) => `unknown option: -${name}` },
  { forms: ["^Unknown encoder '{}'"], say: (name) => `unknown encoder: ${name}` },
  { forms: ["^Unknown decoder '{}'"], say: (name) => `unknown decoder: ${name}` },
  {
    forms: [
      "Decoder (codec {}) not found for input stream",
      "Decoding requested, but no decoder found for: {name}"
    ],
    say: (name = "") =>
      name === "none"
        ? "a stream of an input has no known codec, so that it cannot be decoded: leave it out (-map), or copy it (-c copy)"
        : `this ffmpeg has no decoder for the codec ${name} of an input: convert the input first, or copy the stream (-c copy)`
  },
  { forms: ["^Unknown input format: '{}'"], say: (name) => `unknown input format: ${name}` },
  { forms: ["Requested output format '{}' is not"], say: (name) => `unknown output format: ${name}` },
  {
    forms: ["No such filter: ''"],
    say: () => "the name of a filter is missing: the graph has one separator too many"
  },
  { forms: ["No such filter: '{}'"], say: (name) => `unknown filter: ${name}` },
  {
    forms: [
      "Error parsing bitstream filter sequence '{}': Bitstream filter not found",
      "Unknown bitstream filter: '{}'",
      "Unknown bitstream filter '{}'",
      "Unknown bitstream filter: {name}",
      "Unknown bitstream filter {name}"
    ],
    say: (name) => `unknown bitstream filter: ${name}`
  },
  {
    forms: [
      "Unknown pixel format requested: {}.$",
      "Unknown pixel format requested: {}",
      "Unknown pixel format '{}'",
      "Invalid pixel format '{}'",
      "Unknown pixel format {name}$",
      "Invalid pixel format {name}$"
    ],
    say: (name) => `unknown pixel format: ${name}`
  },
  { forms: ["Invalid sample format '{}'"], say: (name) => `unknown sample format: ${name}` },
  {
    forms: ["Unknown channel layout: {}", 'channel layout "{}" is invalid or unsupported'],
    say: (name) => `unknown channel layout: ${name}`
  },
  {
    forms: ["Error setting preset/tune {}/{}."],
    say: (...given) =>
      `the encoder knows no such preset or tune: ${given.filter((each) => each !== "(null)").join(", ")}`
  },
  {
    forms: ["Error setting profile {}.$"],
    say: (name) => `this encoder cannot be used with the profile ${name}`
  },
  {
    forms: ["[Parsed_{word}] Option '{}' not found"],
    say: (instance, option) => `the filter ${quoted(filterOf(instance))} has no option ${quoted(option)}`
  },
  {
    forms: ["Error applying option '{}' to filter '{}': Option not found"],
    say: (option, filter) => `the filter ${quoted(filter)} has no option ${quoted(option)}`
  }
]

/** Options in the wrong place, or without a value. */
const misplaced: ReadonlyArray<Rule> = [
  {
    forms: ["^Option {name} ({}) cannot be applied to {word} url"],
    say: (name, _, kind) =>
      `the option -${name} does not belong to an ${kind}: put it among the options of an ${other(kind)}`
  },
  {
    forms: ["Codec AVOption {name} ({}) specified for {word} file {} is not a"],
    say: (name, _, kind) =>
      `the option -${name} does not belong to an ${kind}: put it among the options of an ${other(kind)}`
  },
  {
    forms: ["^Missing argument for option '{}'"],
    say: (name) => `the option -${name} needs a value`
  },
  {
    forms: ["^At least one output file must be specified"],
    say: () => "the last option of an output needs a value"
  },
  {
    forms: ["-t value must be non-negative", "for parameter 'durationi' out of range"],
    say: () => "-t is a length, and must not be negative"
  },
  {
    forms: ["-to value smaller than -ss"],
    say: () => "-to lies before -ss: give a later -to, or a length by -t"
  },
  {
    forms: ["^Invalid encoder type '{}'"],
    say: (name) =>
      `the encoder ${name} is for another kind of stream: -c:v takes encoders of pictures, -c:a of sound, -c:s of subtitles`
  }
]

/** The filter's name in the name that ffmpeg gave to its instance: `overlay` of `Parsed_overlay_0`. */
const filterOf = (instance: string): string => instance.replace(/^Parsed_/, "").replace(/_\d+$/, "")

/** The line names no input. Its number is looked up in the graph: `[1:a]` for the specifier `:a`. */
const noStream = (inputs: InputStreams, specifier: string, graph: string): string => {
  const named = new Set(
    graph
      .split(`${specifier}]`)
      .slice(0, -1)
      .map((before) => before.slice(before.lastIndexOf("[") + 1).trim())
      .filter((text) => /^\d+$/.test(text))
  )
  const lacking = [...named].filter((number) => hasStream(inputs, Number(number), specifier) === false)
  const numbers = lacking.length === 0 ? named : new Set(lacking)
  const said = quoted(shortened(specifier))
  if (named.size > 0 && !namesKind(specifier.slice(1)))
    return `the filter graph takes ${said} of an input, which is no kind of stream: ${kindLetters}`
  if (named.size > 0 && [...named].every((number) => hasStream(inputs, Number(number), specifier) === true)) {
    return `the filter graph gives ${said} of an input to a filter that takes another kind of stream there: check the order of its labels, as in [0:v][0:a][1:v][1:a]concat=n=2:v=1:a=1`
  }
  if (numbers.size === 0)
    return `the filter graph takes ${said}, which is neither a stream of an input nor a label that the graph makes`
  const [first] = numbers
  return numbers.size === 1
    ? `the filter graph takes [${first}${shortened(specifier)}], but input ${first} (counted from 0) has no such stream`
    : `the filter graph takes ${said} of the inputs ${[...numbers].slice(0, maxNamed).join(", ")} (counted from 0), and ${lacking.length === 0 ? "one of them has" : "these have"} no such stream`
}

const kindLetters =
  "the letters are v (video), V (video without covers), a (sound), s (subtitles), d (data) and t (attachments)"

/**
 * False if a specifier starts with a letter that names neither a kind of stream nor another specifier
 * (program, tag, number, group, disposition).
 */
const namesKind = (specifier: string): boolean =>
  !/^[A-Za-z](?::|\?|$)/.test(specifier) || /^[vVasdtupmgi]/.test(specifier)

/** The most inputs that one sentence names. */
const maxNamed = 10

/** `overlay` of `overlay:main`. */
const withoutPad = (text: string): string => text.split(":")[0] ?? text

/** A name without the reason that may follow it. */
const withoutReason = (text: string): string => text.split(": ")[0] ?? text

const other = (kind: string): string => (kind === "input" ? "output" : "input")

/** Labels, maps and the syntax of filter graphs. */
const graphs: ReadonlyArray<Rule> = [
  {
    forms: [
      "^Filter '{word}:{word}' has output {number} ({}) unconnected",
      "^Filter {word} has an unconnected output",
      "^Filter {word}:{name} has an unconnected output",
      "^Filter '{word}' has an unconnected output",
      "^Filter '{word}' has output {number} ({}) unconnected"
    ],
    say: (filter) =>
      `an output of the filter ${quoted(filter)} leads nowhere: give it a label and name that label in the maps of an output, as in "maps": ["[label]"]`
  },
  {
    forms: ["Output with label '{}' does not exist"],
    say: (label) => `a map names [${label}], but no filter output has that label, or it is used already`
  },
  {
    forms: ["Stream map '{}' matches no streams"],
    say: (map = "") =>
      namesKind(map.replace(/^-?\d+:/, ""))
        ? `the map ${quoted(map)} matches no stream of the inputs (a "?" at its end makes it optional)`
        : `the map ${quoted(map)} names no kind of stream: ${kindLetters}`
  },
  {
    forms: [
      "^Invalid input file index: {number}",
      "^Invalid input file index {number}",
      "^Invalid file index: {number}",
      "^Invalid file index {number}"
    ],
    say: (index) => `there is no input number ${index}: inputs are counted from 0`
  },
  {
    forms: ["Stream specifier '{}' in filtergraph description {}"],
    sayOf: ({ inputs }, label = "", graph = "") => noStream(inputs, label, graph)
  },
  {
    forms: [
      "Cannot find a matching stream for unlabeled input pad {number} on filter {word}$",
      "Cannot find a matching video stream for unlabeled input pad {number} on filter {word}$",
      "Cannot find a matching audio stream for unlabeled input pad {number} on filter {word}$"
    ],
    say: (pad, instance) =>
      `the input number ${pad} of the filter ${quoted(filterOf(instance))} gets nothing: name what it takes by labels, as in [0:v][1:v]overlay`
  },
  {
    forms: [
      "Cannot find an unused {word} input stream to feed the unlabeled input pad {}.$",
      "Cannot find a matching stream for unlabeled input pad {name}$"
    ],
    say: (...groups) =>
      `an input of the filter ${quoted(withoutPad(groups.at(-1) ?? ""))} gets nothing: name what it takes by labels, as in [0:v][1:v]overlay`
  },
  {
    forms: ["No output pad can be associated to link label '{}'"],
    say: (label) => `the label [${label}] is one more than its filter has outputs`
  },
  {
    forms: ["More output link labels specified for filter '{}' than it has outputs: {number} > {number}"],
    say: (filter, labels, outputs) =>
      `the filter ${quoted(filter)} has ${labels} labels behind it, but ${outputs} output(s)`
  },
  {
    forms: [
      'Too many inputs specified for the "{}" filter',
      "More input link labels specified for filter '{}' than it has inputs: {number} > {number}"
    ],
    say: (filter) => `the filter ${quoted(filter)} has fewer inputs than labels in front of it`
  },
  {
    // Some versions have freed the graph's text before they print this message.
    forms: ["Simple filtergraph '(null)' was expected to have exactly 1 input and 1 output"],
    say: () =>
      "-vf and -af take filters with one input and one output: write the graph as task.filter_complex, with labels"
  },
  {
    forms: ["Simple filtergraph '{}' was expected to have exactly 1 input and 1 output"],
    say: (graph) =>
      `-vf and -af take filters with one input and one output: write ${quoted(graph)} as task.filter_complex, with labels`
  },
  {
    forms: [
      "Cannot connect {word} filter to",
      "Media type mismatch between the",
      "Filtergraph has a {word} output, cannot connect it to {word} output stream"
    ],
    say: () =>
      "a filter for pictures meets sound, or the other way round: -vf takes filters for pictures, -af filters for sound"
  },
  {
    forms: ["[AVFilterGraph] No option name near '{}'"],
    say: (text) =>
      `the filter graph cannot be read near ${quoted(text)}: this ffmpeg has no such filter, or the filter takes no value there`
  },
  {
    forms: [
      "Mismatched '[' found",
      "Error parsing filter",
      "Error parsing a filter",
      "Unable to parse graph description",
      "Bad (empty?) label",
      "Trailing garbage after a filter",
      "sws_flags not terminated"
    ],
    say: () => "the filter graph is not well-formed"
  },
  {
    forms: [
      "Filtering and streamcopy cannot be used together",
      "but codec copy was selected",
      "Streamcopy requested for output stream fed from a complex"
    ],
    say: () => "a filter needs the stream to be encoded: choose a codec other than copy for it"
  }
]

/** ffmpeg refuses pictures whose size in bytes may exceed 32 bits. */
const impossibleSize = (size: string): string => {
  const [width = 0, height = 0] = size.split("x").map(Number)
  return width > 0 && height > 0
    ? `the size of the picture is not possible: ${size} has more pixels than ffmpeg takes (about 268 million): use a smaller picture or scale`
    : `the size of the picture is not possible: ${size}`
}

/** Texts that a filter cannot expand. Since version 9 the run fails; earlier versions draw nothing. */
const texts: ReadonlyArray<Rule> = [
  {
    forms: ["[Parsed_{word}] Stray % near '{}"],
    say: (instance = "", rest = "") => unreadText(instance, `%${rest.replace(/'$/, "")}`)
  },
  {
    forms: [
      "[Parsed_{word}] Unterminated %{}",
      "[Parsed_{word}] %{} is not known",
      "[Parsed_{word}] %{} requires at least",
      "[Parsed_{word}] %{} requires at most",
      "[Parsed_{word}] Expression '{}' for the {word} text expansion function is not valid",
      "[Parsed_{word}] Text expansion expression '{}' is not valid"
    ],
    say: (instance = "", what = "") =>
      unreadText(instance, what.startsWith("{} near '") ? `%${what.slice(9, -1)}` : what.replace(/^\{/, "%{"))
  }
]

const unreadText = (instance: string, part: string): string =>
  `the filter ${quoted(filterOf(instance))} cannot read its text at ${quoted(part)}: a percent sign begins a value such as %{pts}: add expansion=none to the filter to draw the text as it stands, or write \\% for the sign in a text file`

/** Messages of filters about their inputs and arguments. */
const filters: ReadonlyArray<Rule> = [
  ...texts,
  {
    forms: [
      "Input link {name} parameters (size {size}, SAR {}) do not match the corresponding output link {name} parameters ({size}"
    ],
    say: (_, one, _sar, _link, two) =>
      `pictures that are joined must be alike, but are ${one} and ${two}: give each the same scale and setsar=1 first`
  },
  {
    forms: [
      "First input link {word} parameters (size {size}) do not match the corresponding second input link {word} parameters (size {size})"
    ],
    say: (_, one, _second, two) =>
      `pictures that are put together must have the same size, but have ${one} and ${two}: scale them first`
  },
  {
    forms: [
      "[Parsed_{word}] First input link {word} timebase ({}) do not match the corresponding second input link {word} timebase",
      "[Parsed_{word}] First input link {word} frame rate ({}) do not match the corresponding second input link {word} frame rate"
    ],
    say: (instance = "") =>
      `the inputs of the filter ${quoted(filterOf(instance))} must have the same frame rate and time base: put the same fps and settb before both, for example fps=25,settb=AVTB`
  },
  {
    forms: [
      "[Parsed_{word}] Value {number}.{number} for parameter '{word}' out of range [{}]",
      "[Parsed_{word}] Value -{number}.{number} for parameter '{word}' out of range [{}]"
    ],
    say: (instance = "", _whole, _part, option = "", range) =>
      `the filter ${quoted(filterOf(instance))} takes for ${quoted(option)} only values from ${range?.replace(" - ", " to ")}`
  },
  {
    forms: ["^range of {word}: '{word}' [{}]"],
    say: (filter = "", option = "", range) =>
      `the filter ${quoted(filter)} takes for ${quoted(option)} only values from ${range?.replace(" - ", " to ")}`
  },
  {
    forms: ["Impossible to convert between the formats supported by the filter"],
    say: () =>
      "two filters, or a filter and an encoder, have no pixel or sample format in common: put format=yuv420p between them, and leave out filters and codecs of hardware"
  },
  {
    forms: ["Input {number} {word} {number} does not match input {number} {word} {number}"],
    say: (_, side, one, _number, _side, two) =>
      `pictures that are put together must have the same ${side}, but have ${one} and ${two}: scale them first`
  },
  {
    forms: ["Invalid too big or non positive size for width '{}' or height '{}'"],
    say: (width, height) => `the part to be cut out, ${width}x${height}, is larger than the picture, or empty`
  },
  {
    forms: ["Padded dimensions cannot be smaller than input dimensions"],
    say: () => "the padded picture must be at least as large as the picture"
  },
  {
    forms: [
      "[Parsed_{word}] Unable to open {}",
      "[Parsed_{word}] Could not open {}",
      '[Parsed_{word}] Could not load font "{}"',
      '[Parsed_{word}] Unable to load font "{}"'
    ],
    say: (instance, name) =>
      `the filter ${quoted(filterOf(instance))} finds no file ${quoted(withoutReason(name))} that it can read`
  },
  {
    forms: ["Picture size {size} exceeds specified max pixel count {number}"],
    say: (size, most) =>
      `the picture is too large: ${size} has more than the ${most} pixels that are allowed (limit maxPixels)`
  },
  // Demuxers swap width and height in this message; decoders and filters do not.
  ...[
    "[{word}] [IMGUTILS] Picture size {name} is invalid",
    "[Parsed_{word}] Picture size {name} is invalid"
  ].map((form) => ({
    forms: [form],
    say: (_: string, size: string) => impossibleSize(size)
  })),
  { forms: ["Picture size {name} is invalid"], say: (size) => impossibleSize(size) },
  {
    forms: ["Error initializing filter '{word}'"],
    say: (filter) => `the filter ${quoted(filter)} does not take these arguments`
  },
  {
    forms: ["Error applying option '{word}' to filter '{word}'"],
    say: (_, filter) => `the filter ${quoted(filter)} does not take these arguments`
  },
  {
    forms: [
      "Failed to configure input pad on Parsed_{word}",
      "Failed to configure output pad on Parsed_{word}"
    ],
    say: (instance) =>
      `the filter ${quoted(filterOf(instance))} does not take this input with these arguments`
  }
]

/** Cuts off at most one row and one column. */
const makeEven = "put scale=trunc(iw/2)*2:trunc(ih/2)*2 at the end of its filters"

/** Messages of encoders and formats about streams and values. */
const encoders: ReadonlyArray<Rule> = [
  {
    forms: ["width not divisible by 2 ({size})", "height not divisible by 2 ({size})"],
    say: (size) => `this encoder needs an even width and height, not ${size}: ${makeEven}`
  },
  {
    forms: [
      "x265 [error]: Picture width must be an integer multiple of the specified chroma subsampling",
      "x265 [error]: Picture height must be an integer multiple of the specified chroma subsampling",
      "Source Width must be even for",
      "Source Height must be even for",
      "width must be multiple of 2",
      "height must be multiple of 2"
    ],
    say: () => `this encoder needs an even width and height: ${makeEven}`
  },
  {
    forms: ["Specified sample rate {number} is not supported"],
    say: (rate) => `this encoder takes no sample rate of ${rate} Hz: choose another by -ar, for example 48000`
  },
  {
    forms: ["Specified channel layout '{}' is not supported"],
    say: (layout) => `this encoder takes no sound of ${layout} channels: choose fewer by -ac, for example 2`
  },
  {
    forms: ["unknown profile {name} use [{}]"],
    say: (number = "", known) =>
      `the encoder has no profile ${number.replace(",", "")}: write as -profile:v one of ${known}`
  },
  {
    forms: ["The encoder timebase is not set"],
    say: () =>
      "the filters give no frame to encode: check their ranges, rates and conditions, such as those of trim, select and fps"
  },
  {
    forms: ["Error setting option {name} to value {}.$"],
    say: (option, value) => `invalid value for -${option}: ${value}`
  },
  {
    forms: ["Invalid duration specification for {word}: {}", "Invalid duration for option {word}: {}"],
    say: (option, value) => `invalid value for -${option}: ${value}`
  },
  {
    forms: ["Expected {word} for {name} but found: {}"],
    say: (_, option, value) => `invalid value for -${option}: ${value}`
  },
  {
    forms: [
      "^Invalid framerate value: {}.$",
      "^Invalid framerate value: {}",
      "^Invalid frame size: {}.$",
      "^Invalid frame size: {}",
      "^Error parsing framerate {}.$"
    ],
    say: (value) => `invalid frame size or rate: ${value}`
  },
  { forms: ["^Invalid aspect ratio: {}"], say: (value) => `invalid value for -aspect: ${value}` },
  { forms: ['Unable to parse option value "{}"'], say: (value) => `invalid option value: ${value}` },
  {
    forms: ['Unable to parse "{word}" option value "{}"'],
    say: (option, value) => `invalid value for -${option}: ${value}`
  },
  {
    forms: ["^Failed to set value '{}' for option '{}'"],
    say: (value, option) => `invalid value for -${option}: ${value}`
  },
  {
    forms: ["Codec '{word}' ({number}) is not supported by the bitstream filter '{word}'"],
    say: (codec, _, filter) => `the bitstream filter ${quoted(filter)} does not take ${codec}`
  },
  {
    forms: ["Invalid segment filename template '{}'"],
    say: (name) =>
      `the name ${quoted(name)} is no pattern for segments: it needs a number such as %03d, and no other percent sign`
  },
  {
    forms: [
      "Cannot write more than one file with the same name",
      "Could not get frame filename number {number} from pattern"
    ],
    say: () =>
      'several frames for one picture: use -frames:v 1 for a single one, or a name with a pattern such as "name%03d.jpg" for all of them'
  },
  {
    forms: ["Unable to find a suitable output format for '{}'", "Unable to choose an output format for '{}'"],
    say: (name) =>
      `the name ${quoted(name)} tells no output format: give it a usual ending, or choose the format by -f${name === "-" ? ', such as "-f", "null" for an output that is thrown away' : ""}`
  },
  {
    forms: ["Output file #{number} does not contain any stream", "Output file does not contain any stream"],
    say: () =>
      "an output would have no stream: the inputs have none that fits into it, or options such as -an and -vn leave none"
  },
  {
    forms: ["Subtitle encoding currently only possible from text to text or bitmap to bitmap"],
    say: () =>
      "subtitles of text cannot become pictures, nor pictures text: choose a subtitle codec of the same kind"
  },
  {
    forms: ["Automatic encoder selection failed{}Default encoder for format {name}"],
    say: (_, format) =>
      `the format ${format} has no usual encoder for one of the streams: choose one by -c, or leave the stream out`
  },
  {
    forms: ["Could not open attachment file {}.$", "Could not open attachment file {}"],
    say: (name) => `no file ${quoted(name)} to attach`
  },
  {
    forms: ["Too many packets buffered for output stream"],
    say: () =>
      "one stream of an output waits too long for another: raise -max_muxing_queue_size, or check that all streams start near each other"
  },
  {
    forms: ["Only audio, video, and subtitles are supported for"],
    say: () => "the output format takes pictures, sound and subtitles alone: leave streams of data out by -dn"
  },
  {
    forms: ["One of -r/-fpsmax was specified together"],
    say: () => "-r and -fpsmax need a constant frame rate: leave them out, or write -fps_mode cfr"
  },
  anyRefusal,
  ...headers,
  // Before the rules about encoders: an encoder that gets no frames fails as well.
  {
    forms: [
      "Cannot determine format of input stream {number}:{number} after EOF",
      "Cannot determine format of input {number}:{number} after EOF"
    ],
    sayOf: ({ names }, input = "", stream = "") => {
      const name = names.get(Number(input)) ?? ""
      return `nothing of stream ${stream} of ${name === "" ? `input ${input} (counted from 0)` : quoted(shortened(name))} can be decoded: it is damaged, or of another format than the file's ending says`
    }
  },
  // ffmpeg 7 and later open the encoder all the same. Some encoders fail then, since they need a frame first.
  {
    forms: ["No filtered frames for output stream, trying to initialize anyway"],
    say: () =>
      "an output is empty: nothing was encoded (check -ss, -t, -to and -frames: does the input last that long?)"
  },
  {
    forms: ["Error while opening encoder", "Error initializing output stream"],
    say: () => "the encoder could not be started with these settings"
  }
]

/** Inputs that cannot be read, and outputs that cannot be finished. */
const inputs: ReadonlyArray<Rule> = [
  {
    forms: ["[{}] Format not on whitelist"],
    say: (prefix = "") => {
      const [found = "", named = found] = prefix.slice(prefix.lastIndexOf("[") + 1).split("/", 2)
      // ffmpeg 9 gives only the number of the input, not the format.
      const format = found.startsWith("in#") && named === found ? undefined : named
      if (format === undefined)
        return "an input is of a kind that is not accepted: playlists, scripts and whatever opens other files"
      return `an input has the format ${quoted(format)}, which is not accepted: ${whyRefusedInput(format)}`
    }
  },
  {
    forms: ["Protocol {} not on whitelist"],
    say: () => "an input refers to other files or addresses, which is not allowed"
  },
  {
    forms: ["^no moov atom in {}"],
    say: (name = "") =>
      `${quoted(name)} is not a media file that can be read (a web page may have been saved under its name), or it is cut off: its index (moov atom) is missing`
  },
  {
    forms: ["moov atom not found"],
    say: () =>
      "an input is not a media file that can be read, or it is cut off: its index (moov atom) is missing"
  },
  {
    forms: [
      "^av_interleaved_write_frame(): {}",
      "Error muxing a packet",
      "Error submitting a packet to the muxer: {}"
    ],
    say: (reason = "") =>
      `an output could not be written${reason === "" ? "" : ` (${quoted(reason)})`}: its format does not take what its codec gives: choose another codec, or another format`
  },
  {
    forms: ["Decode error rate {} exceeds maximum"],
    say: () => "invalid data in an input: it is damaged, or not what its name says: upload it again"
  },
  { forms: ["Error while opening decoder"], say: () => "a stream of an input cannot be decoded" },
  {
    forms: [
      "^Error opening input: Invalid data found when processing input$",
      "^Error opening input: End of file$",
      "^Error opening input file {}: End of file$",
      "^{}: End of file$",
      "^Error opening input file {}: Invalid data found when processing input$",
      "^{}: Invalid data found when processing input$",
      "^Invalid data found when processing input$"
    ],
    say: (name = "") =>
      name === "" || name.startsWith("Error") || name.startsWith("Failed")
        ? "invalid data in an input: it is damaged, or not what its name says: upload it again"
        : `${quoted(name)} is not a media file that can be read, or it is damaged`
  },
  { forms: ["^{file}: No such file or directory$"], say: (name) => `no such file: ${name}` },
  {
    forms: ["^Error writing trailer", "^Error closing file"],
    say: () => "an output could not be written to its end"
  },
  { forms: ["^Output file is empty"], say: () => "nothing was encoded" }
]

/**
 * The first rule that matches any line decides, so more specific rules come first. Forms: ffmpeg 5.1, then
 * later versions.
 */
const rules: ReadonlyArray<Rule> = [
  ...hardware,
  ...memory,
  ...openFiles,
  ...unknown,
  ...misplaced,
  ...graphs,
  ...filters,
  ...muxers,
  ...encoders,
  ...inputs
]

const compile = (rules: ReadonlyArray<Rule>) =>
  rules.map(({ forms, say = () => "", sayOf }) => ({
    patterns: forms.map(linePattern),
    say: sayOf ?? ((_: LoggedStreams, ...groups: ReadonlyArray<string>) => say(...groups.map(shortened)))
  }))

const compiled = compile(rules)
const compiledTexts = compile(texts)

/** The most characters of a line that a sentence repeats. */
const maxRepeated = 300

/**
 * Messages that newer versions split over two lines. Each pair gives the one line of earlier versions, from
 * the holes of both.
 */
const pairs: ReadonlyArray<{
  readonly first: LinePattern
  readonly second: LinePattern
  /** Undefined if the two lines do not belong together. */
  readonly as: (...groups: ReadonlyArray<string>) => string | undefined
}> = [
  ...muxerPairs.map(({ first, second, as }) => ({
    first: linePattern(first),
    second: linePattern(second),
    as
  })),
  {
    first: linePattern("^Error opening input: {}"),
    second: linePattern("^Error opening input file {}.$"),
    as: (reason, name) => `${name}: ${reason}`
  },
  {
    first: linePattern("^Stream map '' matches no streams"),
    second: linePattern("^Failed to set value '{}' for option 'map'"),
    as: (map) => `Stream map '${map}' matches no streams`
  },
  {
    first: linePattern("^Trailing garbage after stream specifier"),
    second: linePattern("^Failed to set value '{}' for option 'map'"),
    as: (map) => `Stream map '${map}' matches no streams`
  },
  {
    first: linePattern("[{word}] Value {name} for parameter '{word}' out of range [{}]"),
    second: linePattern("[Parsed_{word}] Error applying options to the filter"),
    as: (_, _value, option, range, instance = "") => `range of ${filterOf(instance)}: '${option}' [${range}]`
  },
  ...["^{file}: Invalid argument$", "^Error opening input file {}.$"].map((second) => ({
    first: linePattern("Failed to read frame size: Could not seek to {number}.$"),
    second: linePattern(second),
    as: (_ = "", name = "") =>
      name.startsWith("Error ") ? undefined : `${name}: Invalid data found when processing input`
  })),
  ...["^Error opening input file {}.$", "^{file}: Invalid data found when processing input$"].map(
    (second) => ({
      first: linePattern("moov atom not found"),
      second: linePattern(second),
      as: (name = "") => `no moov atom in ${name}`
    })
  ),
  {
    first: linePattern("[Parsed_{word}] {}"),
    second: linePattern("[AVFilterGraph] Error initializing filters"),
    as: (instance) => `Error initializing filter '${filterOf(instance)}'`
  }
]

/** The most lines between the two. */
const pairLines = 4

const inOneLine = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  pairs.flatMap(({ first, second, as }) =>
    lines.flatMap((line, index) => {
      const later = second(line)
      if (later === undefined) return []
      const earlier = lines
        .slice(Math.max(0, index - pairLines), index)
        .map(first)
        .findLast((groups) => groups !== undefined)
      return earlier === undefined ? [] : (as(...earlier, ...later) ?? [])
    })
  )

const memoryPatterns = memory.flatMap(({ forms }) => forms.map(linePattern))

/** Whether a line reports a failed allocation. */
export const lacksMemory = (lines: ReadonlyArray<string>): boolean =>
  lines.some((line) => memoryPatterns.some((pattern) => pattern(line) !== undefined))

/** Why a run failed, in one sentence, from ffmpeg's log; undefined if no rule matches. */
export const causeOf = (log: ReadonlyArray<string>, streams: LoggedStreams = noStreams): string | undefined =>
  firstSaid(compiled, [...inOneLine(log), ...log], streams)

/** Why a filter of a successful run may have drawn no text; undefined if no line says so. */
export const undrawnText = (lines: ReadonlyArray<string>): string | undefined =>
  firstSaid(compiledTexts, lines, noStreams)

const firstSaid = (
  rules: ReturnType<typeof compile>,
  lines: ReadonlyArray<string>,
  streams: LoggedStreams
): string | undefined => {
  for (const { patterns, say } of rules) {
    for (const line of lines) {
      for (const pattern of patterns) {
        const groups = pattern(line)
        if (groups !== undefined) return say(streams, ...groups)
      }
    }
  }
  return undefined
}

const shortened = (text: string): string =>
  text.length > maxRepeated ? `${text.slice(0, maxRepeated)}...` : text
