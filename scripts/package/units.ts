/**
 * The units in the package: rendered from the same templates that frameworkd-setup uses where no
 * package is installed, for the default account and folders.
 */
import { readFileSync } from 'node:fs'
import { packagedTmpfiles, packagedUnitFolders, paths } from '../../src/paths.ts'
import { definitionOf } from '../../src/settings/definitions.ts'
import { packagedCommand } from '../../src/setup/machine.ts'
import { ownTexts } from '../../src/setup/service/quote.ts'
import { renderTemplate } from '../../src/setup/service/render-template.ts'
import { withoutUnknownDirectives } from '../../src/setup/service/systemd-directives.ts'

interface PackagedFile {
  /** In the package, without a slash before it. */
  path: string
  text: string
}

const owner = definitionOf('owner').fallback ?? ''
const account = { user: owner, group: owner }

/** @param systemd the version of systemd: directives of later versions are left out */
export function units(systemd: number): PackagedFile[] {
  const unit = (name: string, values: Record<string, string>): PackagedFile => {
    const file = `${name}.service`
    const text = withoutUnknownDirectives(systemd, fromTemplate(file, values))
    return { path: `${packagedUnitFolders[0].slice(1)}/${file}`, text }
  }
  const writable = [paths.logs, paths.storeFolder]
  return [
    unit('frameworkd', {
      command: packagedCommand('frameworkd')[0],
      arguments: '',
      ...account,
      writable: writable.map((path) => `-${path}`).join(' '),
      privateTmp: 'yes',
    }),
    unit('frameworkd-first-boot', { command: packagedCommand('frameworkd-setup')[0], arguments: '' }),
    { path: packagedTmpfiles.slice(1), text: fromTemplate('tmpfiles.conf', account) },
  ]
}

function fromTemplate(name: string, values: Record<string, string>): string {
  return renderTemplate(name, readFileSync(`templates/${name}`, 'utf8'), ownTexts(values))
}
