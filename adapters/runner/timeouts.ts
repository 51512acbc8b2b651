/** Timeouts and retry delays of a runner, in seconds. */
export interface Waits {
  /** Idle timeout of a connection, also while connecting. Default 30. */
  readonly idleSeconds: number
  /** Timeout of a claim, which the host keeps open until there is work. Default 120. */
  readonly claimSeconds: number
  /**
   * Timeout from the end of a request to its response, while the host stores bytes or publishes a run.
   * Default 120.
   */
  readonly answerSeconds: number
  /** Timeout of the download of one input, and of the upload of all outputs together. Default 3600. */
  readonly transferSeconds: number
  /** The first retry delay, which doubles each time. Default 0.5. */
  readonly pauseSeconds: number
  /** The longest retry delay, also if a server asks for a longer one. Default 20. */
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
