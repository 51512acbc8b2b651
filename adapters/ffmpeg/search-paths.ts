/** The variables that say where programs and their libraries are. */
export interface SearchEnvironment {
  readonly PATH?: string | undefined
  readonly LD_LIBRARY_PATH?: string | undefined
}

/** The search paths for programs and libraries, in this process and in runs. */
export const searchPaths = (environment: SearchEnvironment = process.env) => ({
  searchPath: environment.PATH ?? "",
  libraryPath: environment.LD_LIBRARY_PATH
})
