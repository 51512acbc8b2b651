/** Shared code for adapters of the `Storage` port: signed grants, parts, file contents, disk errors. */
export { partCount, partSpan } from "../../core/ports/parts.js"
export { capped, close, fill, inParts, pieces, withNewFile, withRegularFile } from "./bytes.js"
export { errorCode, onDisk, orCode, unavailable } from "./disk.js"
export { grantOf, grantToken, ownUrls } from "./grant-token.js"
