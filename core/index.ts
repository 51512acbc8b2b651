/** The Effect-native API: ports to implement or call, values they speak, operations to run over them. */
export * from "./account.js"
export * from "./acting-for.js"
export * from "./api-key.js"
export * from "./closing.js"
export * from "./directory.js"
export * from "./errors.js"
export * from "./holder.js"
export * from "./ids.js"
export * from "./job.js"
export * from "./limits.js"
export * from "./needs.js"
export * from "./operations/analyze.js"
export * from "./operations/await-job.js"
export * from "./operations/cancel.js"
export { deliverer } from "./operations/deliver.js"
export * from "./operations/directories.js"
export {
  deleteFile,
  describeFile,
  listFiles,
  type PresentFile,
  readFile,
  registerFile,
  signDownload,
  storeFile
} from "./operations/files.js"
export { signOutputs } from "./operations/links.js"
export { storedBytes } from "./operations/quota.js"
export * from "./operations/runs.js"
export { type Extras, submit } from "./operations/submit.js"
export { sweep, sweeper, sweepOrphans } from "./operations/sweep.js"
export * from "./operations/take-run.js"
export * from "./operations/turn.js"
export * from "./operations/webhooks.js"
export { workers } from "./operations/work.js"
export * from "./plan.js"
export * from "./ports/accounts.js"
export * from "./ports/directories.js"
export type * from "./ports/effect.js"
export * from "./ports/executor.js"
export * from "./ports/importer.js"
export * from "./ports/jobs.js"
export * from "./ports/outbox.js"
export * from "./ports/prober.js"
export * from "./ports/queue.js"
export * from "./ports/runners.js"
export * from "./ports/storage.js"
export * from "./ports/webhooks.js"
export * from "./probe.js"
export * from "./tags.js"
export * from "./task.js"
export * from "./usage.js"
