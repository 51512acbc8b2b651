/** What of an environment says where programs and their libraries are. */
export interface SearchEnvironment {
  readonly PATH?: string | undefined
  readonly LD_LIBRARY_PATH?: string | undefined
}

/** Where programs and their libraries are looked for, here and in runs. */
export const searchPaths = (environment: SearchEnvironment = process.env) => ({
  searchPath: environment.PATH ?? "",
  libraryPath: environment.LD_LIBRARY_PATH
})
