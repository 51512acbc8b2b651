/**
 * The kind of the tests in a folder; the first matching row decides.
 * @type {ReadonlyArray<readonly [RegExp, string]>}
 */
const folders = [
  [/^core\//, "unit"],
  [/^adapters\//, "adapter"],
  [/^hosts\/(http|express)\//, "HTTP"],
  [/^hosts\/embed\//, "library"],
  [/^hosts\//, "server process"],
  [/^examples\//, "example"],
  [/^/, "command"]
]

/**
 * Format of vitest's JSON reporter; the name of a file is absolute.
 * @typedef {{ readonly status: string, readonly ancestorTitles: ReadonlyArray<string> }} Test
 * @typedef {{ readonly name: string, readonly status: string, readonly assertionResults: ReadonlyArray<Test> }} TestFile
 */

/**
 * Names of the port suites that a test file runs: the first argument of each `…Suite(` in it.
 * @param {string} source
 */
const suiteNames = (source) =>
  new Set([...source.matchAll(/\b\w+Suite\(\s*(["'`])(.*?)\1/g)].map(([, , name]) => name))

/** @param {string} source */
const properties = (source) =>
  [...source.matchAll(/\b(fc|FastCheck)\.assert\(|\bit\.(effect\.)?prop\(/g)].length

/**
 * Number of tests of each kind in a file.
 * @param {string} path @param {ReadonlyArray<Test>} tests @param {string} source
 */
const kindsOf = (path, tests, source) => {
  const suites = suiteNames(source)
  const inSuites = tests.filter(({ ancestorTitles }) => suites.has(ancestorTitles[0] ?? "")).length
  const own = tests.length - inSuites
  const random = Math.min(properties(source), own)
  const folder = folders.find(([pattern]) => pattern.test(path))?.[1] ?? ""
  return /** @type {const} */ ([
    ["port suite", inSuites],
    ["property", random],
    [folder, own - random]
  ])
}

/**
 * The last lines of a test run: tests by kind, then `N passed, N failed` (and `, N skipped` if any). A file
 * that failed before its first test counts as one failure.
 * @param {ReadonlyArray<TestFile>} files @param {string} root the project's folder, with which the names begin
 * @param {(file: string) => string} read gives a file's text
 */
export const summary = (files, root, read) => {
  /** @type {Map<string, number>} */
  const byKind = new Map()
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const { name, status, assertionResults: tests } of files) {
    const having = (/** @type {string} */ wanted) => tests.filter(({ status }) => status === wanted).length
    const [passed, failed] = [having("passed"), having("failed")]
    total.passed += passed
    total.failed += failed + (status === "failed" && failed === 0 ? 1 : 0)
    total.skipped += tests.length - passed - failed
    for (const [kind, count] of kindsOf(name.slice(root.length).replaceAll("\\", "/"), tests, read(name))) {
      if (count > 0) byKind.set(kind, (byKind.get(kind) ?? 0) + count)
    }
  }
  const kinds = [...byKind].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${count} ${kind}`)
  const skipped = total.skipped === 0 ? "" : `, ${total.skipped} skipped`
  return `Tests by kind: ${kinds.join(", ") || "none"}\n${total.passed} passed, ${total.failed} failed${skipped}`
}
