/** The two packages: the same programs, for machines whose C library is new enough, and for older ones. */
import { join } from 'node:path'
import { executable } from './layout.ts'
import { neededLibraries } from './needed-libraries.ts'
import { type Additions, addPrivateLibraries } from './private-libraries.ts'

export interface PackageKind {
  name: string
  /** The oldest systemd of the systems that it is made for (systemd-directives.ts). */
  systemd: number
  summary: string
  /** The part of its description about what it contains; each line begins with a blank (Debian Policy 5.6.13). */
  brings: string
  /** The value of its field Depends, if it has one. */
  depends(executable: string): string | undefined
  /** Adds further files. @returns what its copyright file says about them, and their notices */
  complete(stage: string): Additions
  /** Its own lines of lintian's overrides. */
  overrides: string
}

export const kinds: readonly PackageKind[] = [
  {
    name: 'frameworkd',
    // Debian 11
    systemd: 247,
    summary: 'framework daemon of OSSIM, and the setup of its encryption key',
    brings: ' Both are one executable that brings its own runtime.',
    depends: (stage) => neededLibraries(join(stage, executable)),
    complete: () => ({ copyright: '', notices: '' }),
    overrides: '',
  },
  {
    name: 'frameworkd-legacy',
    // Debian 9
    systemd: 232,
    summary: 'framework daemon of OSSIM, for systems older than Debian 11',
    brings: ' Both are one executable that brings its own runtime and its own C library, for\n Debian 9 and 10.',
    depends: () => undefined,
    complete: (stage) => addPrivateLibraries(stage, executable),
    overrides: `# Its libraries are for it alone, in a folder of its own, and need each other; the loader is a program, too.
custom-library-search-path *
shared-library-is-executable *
shared-library-lacks-prerequisites *
undeclared-elf-prerequisites *
`,
  },
]

/** Fields by which each package replaces the other (Debian Policy 7.6.2). Both are built from one source. */
export function relations({ name, depends }: PackageKind, stage: string, version: string): string {
  const others = kinds.map((kind) => kind.name).filter((other) => other !== name)
  const fields = {
    Source: name === 'frameworkd' ? undefined : 'frameworkd',
    Depends: depends(stage),
    Conflicts: others.join(', '),
    Replaces: others.join(', '),
    Provides: name === 'frameworkd' ? undefined : `frameworkd (= ${version})`,
  }
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => `${field}: ${value}`)
    .join('\n')
}
