import type { Diff } from '../../engine/task.ts'
import { KnownError } from '../../errors.ts'
import type { FileChange } from '../../host/files.ts'
import type { FileAttributes } from '../../host/whole-file.ts'
import { paths, services } from '../../paths.ts'
import { definitionOf, kebabName } from '../../settings/definitions.ts'
import { whyNotKept } from '../../settings/ossim-password.ts'
import { iniValue, setLines } from '../../settings/render.ts'
import { textOfValue } from '../../settings/resolve.ts'
import type { Machine, SetupTask } from '../machine.ts'

/** One settings file as it is and as it should be. */
interface Rewrite {
  path: string
  change: FileChange
  after: string
}

/**
 * What was given for this run is kept for the next ones: the database connection where OSSIM's own
 * programs read it, the rest in frameworkd.ini. Nothing is rewritten that was not given.
 */
export const settings: SetupTask = {
  name: 'settings',
  title: 'Keep the settings',
  tags: ['settings'],
  async plan(_settings, machine) {
    const connection = planOssimConf(machine)
    // OSSIM's other programs live on ossim.conf: a connection that does not work is not written there.
    if (connection && !machine.request.forImage) await machine.store()
    const rewrites = [connection, planSettingsFile(machine)].filter((one) => one !== undefined)
    if (rewrites.length === 0) return { outcome: 'ok', summary: 'as given' }
    return {
      outcome: 'change',
      summary: `write ${rewrites.map((rewrite) => rewrite.path).join(' and ')}`,
      diff: rewrites.map(diffOf),
      restarts: services.daemon,
      async apply() {
        for (const { change } of rewrites) change.apply()
      },
    }
  },
}

function planOssimConf(machine: Machine): Rewrite | undefined {
  const { settings } = machine
  if (settings.store !== 'mysql') return undefined
  const wanted = new Map<string, string>()
  for (const name of settings.given) {
    const key = definitionOf(name).ossimConf
    if (key !== undefined) wanted.set(key, textOfValue(settings, name))
  }
  if (settings.password?.keep) wanted.set('ossim_pass', requireWritablePassword(settings.password.secret.reveal()))
  if (wanted.size === 0) return undefined
  wanted.set('ossim_type', 'mysql')
  return planRewrite(machine, paths.ossimConf, wanted, { mode: 0o640, owner: { uid: 0, gid: machine.owner.gid } })
}

function planSettingsFile(machine: Machine): Rewrite | undefined {
  const { settings, request } = machine
  const wanted = new Map<string, string>()
  for (const name of settings.given) {
    const { ossimConf, ofRun } = definitionOf(name)
    if (ossimConf === undefined && !ofRun) wanted.set(kebabName(name), iniValue(textOfValue(settings, name)))
  }
  if (wanted.size === 0) return undefined
  return planRewrite(machine, request.settingsFile, wanted, { mode: 0o644, owner: { uid: 0, gid: 0 } })
}

function planRewrite(
  { host }: Machine,
  path: string,
  wanted: ReadonlyMap<string, string>,
  attributes: FileAttributes,
): Rewrite | undefined {
  const before = host.files.read(path)?.bytes.toString('utf8') ?? ''
  const after = setLines(before, wanted)
  const change = host.files.plan(path, after, attributes)
  return change ? { path, change, after } : undefined
}

function requireWritablePassword(password: string): string {
  const problem = whyNotKept(password)
  if (problem === undefined) return password
  throw new KnownError(
    'configuration',
    `${paths.ossimConf} cannot hold this password: ${problem}`,
    'set another password on the server, or give it as FRAMEWORKD_DB_PASSWORD_FILE',
  )
}

function diffOf({ path, change, after }: Rewrite): Diff {
  const before = change.before?.bytes.toString('utf8') ?? ''
  return { path, before: maskSecrets(before, after), after: maskSecrets(after, before) }
}

/** A password line, in a comment too, shows that it changed, never what it holds. */
function maskSecrets(text: string, other: string): string {
  const others = other.split('\n')
  return text.replace(/^(.*pass[^=\n]*=).*$/gim, (line, name) => {
    return `${name}${others.includes(line) ? '[hidden]' : '[hidden, differs]'}`
  })
}
