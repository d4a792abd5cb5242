/** Where the files of the packages lie, without the slash at the front. */

/** The folder of the executable and of what only it uses. */
export const programFolder = 'usr/lib/frameworkd'

/** Both programs: it looks at the name by which it was called. */
export const executable = `${programFolder}/frameworkd`
