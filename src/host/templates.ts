import { readFileSync } from 'node:fs'
import { KnownError, systemCode } from '../errors.ts'

/** What is written to a machine, by the name of its file in templates/. */
export type TemplateName =
  | 'frameworkd.service'
  | 'frameworkd-first-boot.service'
  | 'frameworkd.init'
  | 'logrotate'
  | 'monit'
  | 'tmpfiles.conf'

/**
 * The text of a template. It lies in templates/, above the sources and above the bundle.
 * @throws KnownError `task-failed` when it is missing
 */
export function readTemplate(name: TemplateName): string {
  for (const place of ['../templates/', '../../templates/']) {
    try {
      return readFileSync(new URL(place + name, import.meta.url), 'utf8')
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
  throw new KnownError('task-failed', `template ${name} is missing beside the program`, 'install frameworkd anew')
}
