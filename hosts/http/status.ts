import type { RunnerError } from "../../core/errors.js"

/** The only place where an error meets a number. */
export const status = {
  InvalidRequest: 400,
  InvalidTask: 400,
  NameTaken: 400,
  UrlRefused: 400,
  InvalidApiKey: 401,
  InvalidRunnerToken: 401,
  QuotaExceeded: 403,
  SignedUrlExpired: 403,
  DirectoryNotFound: 404,
  FileNotFound: 404,
  JobNotFound: 404,
  DeliveryNotFound: 404,
  RouteNotFound: 404,
  MethodNotAllowed: 405,
  JobNotPending: 409,
  JobCancelled: 409,
  RunLost: 409,
  TooLarge: 413,
  TooManyRequests: 429,
  FfmpegFailed: 500,
  RunLimitExceeded: 500,
  ProbeFailed: 500,
  InputMissing: 500,
  UrlUnreachable: 502,
  WorkerLost: 503,
  Busy: 503,
  DiskFull: 503,
  StillRunning: 503,
  Unavailable: 503
} as const satisfies { readonly [Tag in RunnerError["_tag"]]: number }
