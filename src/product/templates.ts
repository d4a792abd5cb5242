import { readPackageFile } from './package.ts'

/** The templates of files that are written to a machine, by their names in templates/. */
export type TemplateName =
  | 'frameworkd.service'
  | 'frameworkd-first-boot.service'
  | 'frameworkd.init'
  | 'ossim-framework.init'
  | 'logrotate'
  | 'monit'
  | 'tmpfiles.conf'
  | 'drop-in.conf'

/** The text of a template. @throws KnownError `task-failed` when the package is not whole */
export function readTemplate(name: TemplateName): string {
  return readPackageFile(`templates/${name}`)
}
