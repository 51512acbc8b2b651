/** A user's client: it sends a submission again, under the same name, until somebody has accepted it. */

export interface Submission {
  readonly idempotencyKey: string
  readonly dir: string
  readonly input: string
  readonly output: string
  readonly inputOptions?: ReadonlyArray<string>
  /** By default those that copy. */
  readonly outputOptions?: ReadonlyArray<string>
  readonly webhookUrl: string
}

/** Options with which the same input gives the same bytes. */
export const copying: ReadonlyArray<string> = ["-c", "copy", "-fflags", "+bitexact", "-map_metadata", "-1"]

/** The job's id, or undefined where no answer came. Any answer but an acceptance or "try again later" is an error. */
export const submitTo = async (url: string, submission: Submission): Promise<string | undefined> => {
  const { dir, input, output, inputOptions = [], outputOptions = copying, idempotencyKey, webhookUrl } = submission
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
  const body = (await answer?.json().catch(() => undefined)) as { readonly job_id?: string; readonly error?: string } | undefined
  if (answer === undefined || body === undefined || answer.status === 503) return undefined
  if (typeof body.job_id !== "string") throw new Error(`a submission was refused with ${answer.status}: ${body.error}`)
  return body.job_id
}
