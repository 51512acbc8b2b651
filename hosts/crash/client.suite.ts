/** A client that repeats a submission under the same idempotency key until a host accepts it. */

export interface Submission {
  readonly idempotencyKey: string
  readonly dir: string
  readonly input: string
  readonly output: string
  readonly inputOptions?: ReadonlyArray<string>
  /** Default: options that copy. */
  readonly outputOptions?: ReadonlyArray<string>
  readonly webhookUrl: string
}

/** Options with which the same input gives the same bytes. */
export const copying: ReadonlyArray<string> = ["-c", "copy", "-fflags", "+bitexact", "-map_metadata", "-1"]

/**
 * Returns the job's id, or undefined without a response. Throws on a response that is neither an acceptance
 * nor "try again later".
 */
export const submitTo = async (url: string, submission: Submission): Promise<string | undefined> => {
  const {
    dir,
    input,
    output,
    inputOptions = [],
    outputOptions = copying,
    idempotencyKey,
    webhookUrl
  } = submission
  const task = {
    inputs: [{ file_path: `${dir}/${input}`, options: inputOptions }],
    outputs: [{ file: output, options: outputOptions }],
    output_dir_id: dir
  }
  const answer = await fetch(`${url}/ffmpeg/process/async`, {
    method: "POST",
    headers: { "idempotency-key": idempotencyKey },
    body: JSON.stringify({ task, webhook_url: webhookUrl }),
    signal: AbortSignal.timeout(10_000)
  }).catch(() => undefined)
  const body = (await answer?.json().catch(() => undefined)) as
    | { readonly job_id?: string; readonly error?: string }
    | undefined
  if (answer === undefined || body === undefined || answer.status === 503) return undefined
  if (typeof body.job_id !== "string")
    throw new Error(`a submission was refused with ${answer.status}: ${body.error}`)
  return body.job_id
}
