/** How long a runner waits for what, in seconds. */
export interface Waits {
  /** Silence of the other side, while connecting too, after which a request is given up. Default 30. */
  readonly idleSeconds: number
  /** A request for work, which the host keeps open until there is some. Default 120. */
  readonly claimSeconds: number
  /** From the end of a request that the host has work with (storing bytes, publishing a run) to its answer. Default 120. */
  readonly answerSeconds: number
  /** All inputs of a run, each of its own; all its outputs together. Default 3600. */
  readonly transferSeconds: number
  /** Before what broke is tried again; twice as long each time. Default 0.5. */
  readonly pauseSeconds: number
  /** The longest such pause, also where a server asks for a longer one. Default 20. */
  readonly mostPauseSeconds: number
}

export const defaultWaits: Waits = {
  idleSeconds: 30,
  claimSeconds: 120,
  answerSeconds: 120,
  transferSeconds: 3600,
  pauseSeconds: 0.5,
  mostPauseSeconds: 20
}
