/** What an adapter of the `Storage` port needs beside its technology: signed grants, parts, bytes of files, errors of disks. */
export { partCount, partSpan } from "../../core/ports/parts.js"
export { capped, close, fill, inParts, pieces, withNewFile, withRegularFile } from "./bytes.js"
export { errorCode, onDisk, orCode, unavailable } from "./disk.js"
export { grantOf, grantToken, ownUrls } from "./grant-token.js"
