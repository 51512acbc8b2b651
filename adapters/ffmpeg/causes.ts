interface Rule {
  readonly pattern: RegExp
  readonly say: (...groups: ReadonlyArray<string>) => string
}

const quoted = (name: string): string => `"${name}"`

/** Names that are not there. */
const unknown: ReadonlyArray<Rule> = [
  { pattern: /^Unrecognized option '(.+)'/, say: (name) => `unknown option: -${name}` },
  { pattern: /^(?:\[.*\] )?Unknown (encoder|decoder) '(.+)'/, say: (kind, name) => `unknown ${kind}: ${name}` },
  { pattern: /^Unknown input format: '(.+)'/, say: (name) => `unknown input format: ${name}` },
  { pattern: /Requested output format '(.+)' is not/, say: (name) => `unknown output format: ${name}` },
  { pattern: /No such filter: ''/, say: () => "the name of a filter is missing: the graph has one separator too many" },
  { pattern: /No such filter: '(.+)'/, say: (name) => `unknown filter: ${name}` },
  {
    pattern: /Error parsing bitstream filter sequence '(.+)': Bitstream filter not found|Unknown bitstream filter:? '?([^'\s]+)/,
    say: (...names) => `unknown bitstream filter: ${names.join("")}`
  },
  { pattern: /(?:Unknown|Invalid) pixel format (?:requested: )?'?([^'\s]+?)'?\.?$/, say: (name) => `unknown pixel format: ${name}` },
  { pattern: /Invalid sample format '(.+)'/, say: (name) => `unknown sample format: ${name}` },
  {
    pattern: /Unknown channel layout: (.+)|channel layout "(.+)" is invalid or unsupported/,
    say: (...names) => `unknown channel layout: ${names.join("")}`
  },
  {
    pattern: /Error setting preset\/tune ([^/]+)\/(.+)\./,
    say: (...given) => `the encoder knows no such preset or tune: ${given.filter((each) => each !== "(null)").join(", ")}`
  },
  { pattern: /Error setting profile (.+)\.$/, say: (name) => `this encoder cannot be used with the profile ${name}` },
  {
    pattern: /\[Parsed_(\w+)_\d+\] Option '(.+)' not found/,
    say: (filter, option) => `the filter ${quoted(filter)} has no option ${quoted(option)}`
  },
  {
    pattern: /Error applying option '(.+)' to filter '(.+)': Option not found/,
    say: (option, filter) => `the filter ${quoted(filter)} has no option ${quoted(option)}`
  }
]

/** Options at the wrong place, or without a value. */
const misplaced: ReadonlyArray<Rule> = [
  {
    pattern: /^Option (\S+) \(.*\) cannot be applied to (input|output) url/,
    say: (name, kind) => `the option -${name} does not belong to an ${kind}: put it among the options of an ${other(kind)}`
  },
  {
    pattern: /Codec AVOption (\S+) \(.*\) specified for (input|output) file .* is not an? \w+ option/,
    say: (name, kind) => `the option -${name} does not belong to an ${kind}: put it among the options of an ${other(kind)}`
  },
  {
    pattern: /^Missing argument for option '(.+)'/,
    say: (name) => `the option -${name} needs a value`
  },
  {
    pattern: /^At least one output file must be specified/,
    say: () => "the last option of an output needs a value"
  },
  { pattern: /-to value smaller than -ss/, say: () => "-to lies before -ss: give a later -to, or a length by -t" },
  {
    pattern: /^Invalid encoder type '(.+)'/,
    say: (name) => `the encoder ${name} is for another kind of stream: -c:v takes encoders of pictures, -c:a of sound, -c:s of subtitles`
  }
]

const other = (kind: string): string => (kind === "input" ? "output" : "input")

/** Labels, maps, and what a filter graph is made of. */
const graphs: ReadonlyArray<Rule> = [
  {
    pattern: /^(?:\[.*\] )?Filter '?([\w@]+)'?\S* has (?:an unconnected output|output \d+ .*unconnected)/,
    say: (filter) =>
      `an output of the filter ${quoted(filter)} leads nowhere: give it a label and name that label in the maps of an output, as in "maps": ["[label]"]`
  },
  {
    pattern: /Output with label '(.+)' does not exist/,
    say: (label) => `a map names [${label}], but no filter output has that label, or it is used already`
  },
  {
    pattern: /Stream map '(.*)' matches no streams/,
    say: (map) => `the map ${quoted(map)} matches no stream of the inputs (a "?" at its end makes it optional)`
  },
  {
    pattern: /^(?:\[.*\] )?Invalid (?:input )?file index:? (\d+)/,
    say: (index) => `there is no input number ${index}: inputs are counted from 0`
  },
  {
    pattern: /Stream specifier '(.+?)' in filtergraph description/,
    say: (label) => `the filter graph takes ${quoted(label)}, which is neither a stream of an input nor a label that the graph makes`
  },
  {
    pattern:
      /Cannot find a (?:matching|unused) .*?stream for unlabeled input pad (?:(\d+) on filter (?:Parsed_)?([A-Za-z0-9]+(?:_[A-Za-z]\w*?)*?)(?:_\d+)?)?$/,
    say: (pad, filter) =>
      `the input number ${pad} of the filter ${quoted(filter)} gets nothing: name what it takes by labels, as in [0:v][1:v]overlay`
  },
  {
    pattern: /No output pad can be associated to link label '(.+)'/,
    say: (label) => `the label [${label}] is one more than its filter has outputs`
  },
  {
    pattern: /Too many inputs specified for the "(.+)" filter/,
    say: (filter) => `the filter ${quoted(filter)} has fewer inputs than labels in front of it`
  },
  {
    pattern: /Simple filtergraph '(.+)' was expected to have exactly 1 input and 1 output/,
    say: (graph) => `-vf and -af take filters with one input and one output: write ${quoted(graph)} as task.filter_complex, with labels`
  },
  {
    pattern: /Cannot connect \w+ filter to|Media type mismatch between the/,
    say: () => "a filter for pictures meets sound, or the other way round: -vf takes filters for pictures, -af filters for sound"
  },
  {
    pattern:
      /(?:Mismatched '\[' found|Error parsing (?:a )?filter|Unable to parse graph description|Bad \(empty\?\) label|Trailing garbage after a filter|sws_flags not terminated)/,
    say: () => "the filter graph is not well-formed"
  },
  {
    pattern:
      /Filtering and streamcopy cannot be used together|but codec copy was selected|Streamcopy requested for output stream fed from a complex/,
    say: () => "a filter needs the stream to be encoded: choose a codec other than copy for it"
  }
]

/** What filters say of their input. */
const filters: ReadonlyArray<Rule> = [
  {
    pattern: /Input link \S+ parameters \(size (\d+x\d+), SAR .*\) do not match the corresponding output link \S+ parameters \((\d+x\d+)/,
    say: (one, two) => `pictures that are joined must be alike, but are ${one} and ${two}: give each the same scale and setsar=1 first`
  },
  {
    pattern: /Input \d+ (height|width) (\d+) does not match input \d+ (?:height|width) (\d+)/,
    say: (side, one, two) => `pictures that are put together must have the same ${side}, but have ${one} and ${two}: scale them first`
  },
  {
    pattern: /Invalid too big or non positive size for width '(.+)' or height '(.+)'/,
    say: (width, height) => `the part to be cut out, ${width}x${height}, is larger than the picture, or empty`
  },
  {
    pattern: /Padded dimensions cannot be smaller than input dimensions/,
    say: () => "the padded picture must be at least as large as the picture"
  },
  {
    pattern: /\[Parsed_(\w+)_\d+\] (?:Unable to|Could not) (?:open|load font) "?(.+?)"?(?:: .*)?$/,
    say: (filter, name) => `the filter ${quoted(filter)} finds no file ${quoted(name)} that it can read`
  },
  {
    pattern: /Picture size (\d+x\d+) exceeds specified max pixel count (\d+)/,
    say: (size, most) => `the picture is too large: ${size} has more than the ${most} pixels that are allowed (limit maxPixels)`
  },
  { pattern: /Picture size (\S+) is invalid/, say: (size) => `the size of the picture is not possible: ${size}` },
  { pattern: /Error initializing filter '(.+?)'/, say: (filter) => `the filter ${quoted(filter)} does not take these arguments` },
  {
    pattern: /Failed to configure (?:in|out)put pad on Parsed_(\w+)_\d+/,
    say: (filter) => `the filter ${quoted(filter)} does not take this input with these arguments`
  }
]

/** What encoders and formats say of streams and values. */
const encoders: ReadonlyArray<Rule> = [
  { pattern: /Cannot allocate memory/, say: () => "not enough memory for this task" },
  {
    pattern: /(?:width|height) not divisible by 2 \((\d+x\d+)\)/,
    say: (size) => `this encoder needs an even width and height, not ${size}: scale to even numbers, for example scale=-2:720`
  },
  {
    pattern: /Specified sample rate (\d+) is not supported/,
    say: (rate) => `this encoder takes no sample rate of ${rate} Hz: choose another by -ar, for example 48000`
  },
  {
    pattern: /Specified channel layout '(.+)' is not supported/,
    say: (layout) => `this encoder takes no sound of ${layout} channels: choose fewer by -ac, for example 2`
  },
  {
    pattern:
      /Cannot load lib(?:cuda|nvcuvid|nvidia-encode|mfx|vpl)|No capable devices found|Failed to initialise VAAPI|Could not find a valid device|No VA display found/,
    say: () => "the codec needs hardware that is not here: choose one that runs in software, for example libx264"
  },
  {
    pattern:
      /Error setting option (\S+) to value (.+)\.$|Invalid duration specification for (\w+): (.*)|Expected \w+ for (\S+) but found: (.*)|^Invalid (frame)(?:rate value| size): (.*?)\.?$|^Invalid (aspect) ratio: (.*)/,
    say: (...groups) => {
      const [option = "", value = ""] = groups.filter((group) => group !== "")
      return option === "frame" ? `invalid frame size or rate: ${value}` : `invalid value for -${option}: ${value}`
    }
  },
  { pattern: /Unable to parse option value "(.+)"/, say: (value) => `invalid option value: ${value}` },
  {
    pattern: /Codec '(.+?)' \(\d+\) is not supported by the bitstream filter '(.+?)'/,
    say: (codec, filter) => `the bitstream filter ${quoted(filter)} does not take ${codec}`
  },
  {
    pattern: /Invalid segment filename template '(.+)'/,
    say: (name) => `the name ${quoted(name)} is no pattern for segments: it needs a number such as %03d, and no other percent sign`
  },
  {
    pattern: /Cannot write more than one file with the same name|Could not get frame filename number \d+ from pattern/,
    say: () =>
      'several frames for one picture: use -frames:v 1 for a single one, or a name with a pattern such as "name%03d.jpg" for all of them'
  },
  {
    pattern: /Unable to (?:find a suitable|choose an) output format for '(.+?)'/,
    say: (name) => `the name ${quoted(name)} tells no output format: give it a usual ending, or choose the format by -f`
  },
  {
    pattern: /Output file (?:#\d+ )?does not contain any stream/,
    say: () => "an output would have no stream: the inputs have none that fits into it, or options such as -an and -vn leave none"
  },
  {
    pattern: /Subtitle encoding currently only possible from text to text or bitmap to bitmap/,
    say: () => "subtitles of text cannot become pictures, nor pictures text: choose a subtitle codec of the same kind"
  },
  {
    pattern: /Automatic encoder selection failed.*Default encoder for format (\S+)/,
    say: (format) => `the format ${format} has no usual encoder for one of the streams: choose one by -c, or leave the stream out`
  },
  {
    pattern: /Could not find tag for codec (\S+) in stream/,
    say: (codec) => `the output format takes no ${codec}: choose another codec, or another format`
  },
  { pattern: /Could not open attachment file (.+?)\.?$/, say: (name) => `no file ${quoted(name)} to attach` },
  {
    pattern: /Too many packets buffered for output stream/,
    say: () =>
      "one stream of an output waits too long for another: raise -max_muxing_queue_size, or check that all streams start near each other"
  },
  {
    pattern: /Could not write header/,
    say: () => "the output format does not take these streams: choose codecs that fit the container"
  },
  {
    pattern: /Error while opening encoder|Error initializing output stream|Could not open encoder/,
    say: () => "the encoder could not be started with these settings"
  }
]

/** Inputs, and the end of it all. */
const inputs: ReadonlyArray<Rule> = [
  { pattern: /Format not on whitelist/, say: () => "an input is of a kind that is not accepted here" },
  { pattern: /Protocol '?.+'? not on whitelist/, say: () => "an input refers to other files or addresses, which is not allowed" },
  {
    pattern: /moov atom not found/,
    say: () => "an input is not a media file that can be read, or it is cut off: its index (moov atom) is missing"
  },
  { pattern: /Error while opening decoder/, say: () => "a stream of an input cannot be decoded" },
  {
    pattern: /^(?:\[.*\] )?(?:Error opening input(?: file)?:? ?)?(.*?)\.?:? ?Invalid data found when processing input$/,
    say: (name) =>
      name === "" || /^Error|^Failed/.test(name)
        ? "invalid data in an input"
        : `${quoted(name)} is not a media file that can be read, or it is damaged`
  },
  { pattern: /^(?:\[.*\] )?([^:]+): No such file or directory$/, say: (name) => `no such file: ${name}` },
  {
    pattern: /^(?:\[out#[^\]]*\] )?Error (?:writing trailer|closing file)/,
    say: () => "an output could not be written to its end"
  },
  { pattern: /^(?:\[.*\] )?Output file is empty/, say: () => "nothing was encoded" }
]

/** The first rule that any line meets decides, so what is more telling comes first. Texts: ffmpeg 5.1, then what later versions say. */
const rules: ReadonlyArray<Rule> = [...unknown, ...misplaced, ...graphs, ...filters, ...encoders, ...inputs]

/** Why a run failed, in one sentence, from ffmpeg's own lines; undefined where they say nothing that is known. */
export const causeOf = (lines: ReadonlyArray<string>): string | undefined => {
  // A caller's graph may stand in a line, of any length: no pattern shall be kept busy by it.
  const starts = lines.map((line) => line.slice(0, 2000))
  for (const { pattern, say } of rules) {
    for (const line of starts) {
      const match = pattern.exec(line)
      if (match !== null) return say(...match.slice(1).map((group) => group ?? ""))
    }
  }
  return undefined
}
