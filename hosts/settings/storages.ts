import { randomBytes } from "node:crypto"
import { resolve } from "node:path"
import { Effect, Layer, Redacted } from "effect"
import type { Unavailable } from "../../core/errors.js"
import type { Storage } from "../../core/ports/storage.js"
import { lookAtFolder } from "./folder.js"
import { loaded } from "./loaded.js"
import { oneOf, pathIn, type Variable, WrongSetting } from "./setting.js"

/**
 * The kinds of storage that FFKILN_STORAGE can name. A row is all that a host knows about a kind: the
 * settings, the list of variables, loading and opening the adapter, `ffkiln doctor` and the bundle use this
 * table.
 */

/** A row of the table. `Options` are the settings of the kind, `Module` is its adapter. */
interface Row<Options, Module> {
  /** The scheme at the start of FFKILN_STORAGE, before a colon. */
  readonly scheme: string
  /** The form of FFKILN_STORAGE, such as `s3://BUCKET/PREFIX`. */
  readonly form: string
  /** More about the form, for messages and docs/settings.md. */
  readonly note: string
  /** The name of the kind in the message about missing packages. */
  readonly name: string
  /** Optional peer dependencies, which installing ffkiln does not install. */
  readonly packages: ReadonlyArray<string>
  /** The variables that only this kind reads, as in variables.ts. */
  readonly variables: ReadonlyArray<{ readonly name: string; readonly meaning: string }>
  /**
   * Undefined if the text does not have the form. Throws WrongSetting for a wrong variable, without
   * passwords.
   */
  readonly read: (text: string, set: Variable) => Options | undefined
  /** Imports the adapter and its packages. */
  readonly load: () => Promise<Module>
  /** Opens the storage. `secret` signs URLs; undefined if the storage keeps its own. */
  readonly open: (
    module: Module,
    options: Options,
    secret: Redacted.Redacted | undefined
  ) => Layer.Layer<Storage, Unavailable>
  /** What doctor prints for a storage that works, without passwords. */
  readonly found: (options: Options) => string
  /**
   * Checks the storage for doctor. Default: opens it with a temporary secret, which must change nothing in
   * it.
   */
  readonly look?: (options: Options) => Effect.Effect<unknown, Unavailable>
}

/** A row for hosts, which pass the `options` that `read` returned. */
export interface StorageKind
  extends Pick<Row<unknown, unknown>, "scheme" | "form" | "note" | "packages" | "variables" | "read"> {
  readonly load: Effect.Effect<unknown, Unavailable>
  readonly open: (
    options: unknown,
    secret: Redacted.Redacted | undefined
  ) => Layer.Layer<Storage, Unavailable>
  /** Checks whether the storage works from here. Returns the text for doctor. */
  readonly look: (options: unknown) => Effect.Effect<string, Unavailable>
}

/** A storage as the settings name it. */
export interface StoragePlace {
  readonly kind: StorageKind
  /** The options that `kind.read` returned. */
  readonly options: unknown
}

export const storageKind = <Options, Module>({
  load: importing,
  open: opening,
  look,
  found,
  ...row
}: Row<Options, Module>): StorageKind => {
  const load = loaded(row.name, row.packages.join(" "), importing)
  const open = (options: Options, secret: Redacted.Redacted | undefined) =>
    Layer.unwrapEffect(Effect.map(load, (module) => opening(module, options, secret)))
  const opened = (options: Options) =>
    Effect.suspend(() =>
      Effect.scoped(Layer.build(open(options, Redacted.make(randomBytes(16).toString("hex")))))
    )
  return {
    ...row,
    load,
    open: (options, secret) => open(options as Options, secret),
    look: (options) => Effect.as((look ?? opened)(options as Options), found(options as Options))
  }
}

const files = storageKind({
  scheme: "file",
  form: "file:DIR",
  note: "DIR is the path of a folder",
  name: "file storage",
  packages: [],
  variables: [],
  read: (text) => {
    const root = pathIn("file:", text)
    return root === undefined ? undefined : { root: resolve(root) }
  },
  load: () => import("../../adapters/fs/index.js"),
  open: ({ fileSystem }, { root }, secret) => fileSystem({ root, ...(secret && { secret }) }),
  found: ({ root }) => `files in ${root}`,
  // Does not open the storage, which would make the folder.
  look: ({ root }) => lookAtFolder(root)
})

const s3 = storageKind({
  scheme: "s3",
  form: "s3://BUCKET/PREFIX",
  note: "S3 credentials go into `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or another source that the AWS SDK reads",
  name: "S3 storage",
  packages: ["@aws-sdk/client-s3", "@aws-sdk/s3-request-presigner"],
  variables: [
    { name: "FFKILN_S3_ENDPOINT", meaning: "URL of an S3-compatible server; default: that of the AWS SDK" },
    { name: "FFKILN_S3_REGION", meaning: "region of the bucket; default: that of the AWS SDK" },
    {
      name: "FFKILN_S3_PUBLIC_ENDPOINT",
      meaning: "URL of the S3 server for signed URLs, where clients use another one"
    },
    {
      name: "FFKILN_S3_PATH_STYLE",
      meaning:
        "`on`: the bucket is part of the path; `off`: part of the host name; default: `on` with an endpoint, otherwise `off`"
    }
  ],
  read: (text, set) => {
    const [, bucket, prefix = ""] = /^s3:\/\/([A-Za-z0-9][A-Za-z0-9._-]+)(?:\/(.*))?$/.exec(text) ?? []
    if (bucket === undefined) return undefined
    const endpoint = httpUrl("FFKILN_S3_ENDPOINT", set)
    const publicEndpoint = httpUrl("FFKILN_S3_PUBLIC_ENDPOINT", set)
    const region = set("FFKILN_S3_REGION")
    const pathStyle = set("FFKILN_S3_PATH_STYLE")
    return {
      bucket,
      prefix,
      ...(endpoint !== undefined && { endpoint }),
      ...(publicEndpoint !== undefined && { publicEndpoint }),
      ...(region !== undefined && { region }),
      ...(pathStyle !== undefined && {
        pathStyle: oneOf("FFKILN_S3_PATH_STYLE", pathStyle, ["on", "off"]) === "on"
      })
    }
  },
  load: async () => {
    // Loaded here, since the adapter loads these two only when it starts.
    await Promise.all([import("@aws-sdk/client-s3"), import("@aws-sdk/s3-request-presigner")])
    return import("../../adapters/s3/index.js")
  },
  open: ({ s3 }, options, secret) => s3({ ...options, ...(secret && { secret }) }),
  found: ({ bucket }) => `bucket ${bucket} answers`
})

export const storages: ReadonlyArray<StorageKind> = [files, s3]

const forms = (kinds: ReadonlyArray<StorageKind>, mark: string) =>
  kinds.map(({ form }) => `${mark}${form}${mark}`).join(" or ")

/** Reads FFKILN_STORAGE; the default is the data directory. Throws WrongSetting. */
export const readStorage = (
  set: Variable,
  dataDir: string,
  kinds: ReadonlyArray<StorageKind>
): StoragePlace => {
  const text = set("FFKILN_STORAGE") ?? `file:${dataDir}`
  const kind = kinds.find(({ scheme }) => text.startsWith(`${scheme}:`))
  for (const other of kinds) {
    const idle = other === kind ? undefined : other.variables.find(({ name }) => set(name) !== undefined)
    if (idle !== undefined)
      throw new WrongSetting(`${idle.name} needs FFKILN_STORAGE to be ${other.form}: set both`)
  }
  const options = kind?.read(text, set)
  if (kind !== undefined && options !== undefined) return { kind, options }
  const notes = kinds.map(({ note }) => note.replaceAll("`", ""))
  throw new WrongSetting(`FFKILN_STORAGE must be ${forms(kinds, "")}; ${notes.join("; ")}`)
}

/** FFKILN_STORAGE and the variables of its kinds, as rows of variables.ts. */
export const storageVariables = (
  kinds: ReadonlyArray<StorageKind>
): ReadonlyArray<{ readonly name: string; readonly meaning: string }> => [
  {
    name: "FFKILN_STORAGE",
    meaning: `${forms(kinds, "`")}; default: the data directory. ${kinds.map(({ note }) => note).join(". ")}`
  },
  ...kinds.flatMap(({ variables }) => variables)
]

const httpUrl = (name: string, set: Variable): string | undefined => {
  const text = set(name)
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== "" ||
    url.password !== "" ||
    url.search !== ""
  ) {
    throw new WrongSetting(
      `${name} must be an http or https URL without credentials, such as https://s3.example.com`
    )
  }
  return text
}
