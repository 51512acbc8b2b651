import type { Accounts } from "./accounts.js"
import type { Directories } from "./directories.js"
import type { Jobs } from "./jobs.js"
import type { Outbox } from "./outbox.js"
import type { Runners } from "./runners.js"

/** The ports that a database adapter implements. They share one database. */
export type Rows = Jobs | Directories | Outbox | Accounts | Runners
