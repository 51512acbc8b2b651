/** A way to do one piece of work. */
export interface Subject {
  readonly name: string
  /** Does it once. `caller` numbers concurrent callers, from 0. */
  readonly run: (caller: number) => Promise<void>
}

/** Measurements of each subject, in the order of the rounds. */
export type Samples = ReadonlyMap<string, ReadonlyArray<number>>

/**
 * Measures the subjects in turn, round after round, after a warm-up that is not counted. Other load on the
 * machine then affects all of them. Each round starts with the next subject, so that none always follows the
 * same one. An aborted signal ends it before the next measurement.
 */
export const interleave = async <S extends { readonly name: string }>(
  subjects: ReadonlyArray<S>,
  rounds: number,
  measure: (subject: S) => Promise<number>,
  signal?: AbortSignal
): Promise<Samples> => {
  const samples = new Map<string, number[]>(subjects.map(({ name }) => [name, []]))
  for (const subject of subjects) await measure(subject)
  for (let round = 0; round < rounds; round++) {
    const start = round % subjects.length
    for (const subject of [...subjects.slice(start), ...subjects.slice(0, start)]) {
      signal?.throwIfAborted()
      samples.get(subject.name)?.push(await measure(subject))
    }
  }
  return samples
}

/** Milliseconds of one run. */
export const milliseconds = async (subject: Subject): Promise<number> => {
  const start = performance.now()
  await subject.run(0)
  return performance.now() - start
}

/**
 * Runs per second when `callers` callers do `total` runs, each starting the next run when its last one has
 * ended.
 */
export const perSecond =
  (callers: number, total: number) =>
  async (subject: Subject): Promise<number> => {
    let left = total
    const start = performance.now()
    const caller = async (index: number) => {
      while (left-- > 0) await subject.run(index)
    }
    await Promise.all(Array.from({ length: callers }, (_, index) => caller(index)))
    return (total * 1000) / (performance.now() - start)
  }

/** The quantile `q` (0 to 1) of the values, linearly interpolated. NaN without values. */
export const quantile = (values: ReadonlyArray<number>, q: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const [low = Number.NaN, high = low] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return low + (high - low) * (at - Math.floor(at))
}

/** The median of the values. NaN without values. */
export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)
