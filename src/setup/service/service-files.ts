/** The files of services, rendered for this machine. */

import { paths, services } from '../../paths.ts'
import { readTemplate, type TemplateName } from '../../product/templates.ts'
import { type Settings, textOfValue } from '../../settings/resolve.ts'
import { logNames } from '../../settings/values/log-files.ts'
import { loopback } from '../../text/addresses.ts'
import { logFolder } from '../log-folder.ts'
import type { Machine } from '../machine.ts'
import type { OwnFile } from './installed.ts'
import {
  accountWord,
  logrotatePath,
  monitCommand,
  monitScript,
  ownText,
  type Quoted,
  shellWord,
  systemdPath,
  systemdWord,
} from './quote.ts'
import { renderTemplate } from './render-template.ts'
import { withoutUnknownDirectives } from './systemd-directives.ts'
import { unitPath } from './units.ts'

type Values = Readonly<Record<string, Quoted>>

/** @param command the program that it starts */
export function serviceUnit(machine: Machine, settings: Settings, command: readonly string[]): OwnFile {
  const store = settings.store === 'sqlite' ? [paths.storeFolder] : []
  // `-`: systemd starts the service also where the folder is missing; the daemon reports that itself.
  const writable = [logFolder(settings), ...store].map((path) => `-${systemdPath(path)}`).join(' ')
  const isSocketInTmp = /^\/(var\/)?tmp\//.test(settings.dbSocket ?? '')
  return renderUnit(machine, 'frameworkd.service', unitPath(services.daemon), {
    command: words(command, systemdWord),
    arguments: configArguments(machine, systemdWord),
    ...accountWords(machine),
    writable: ownText(writable),
    privateTmp: ownText(isSocketInTmp ? 'no' : 'yes'),
  })
}

/** @param command the program that it starts */
export function firstBootUnit(machine: Machine, command: readonly string[]): OwnFile {
  return renderUnit(machine, 'frameworkd-first-boot.service', unitPath(services.firstBoot), {
    command: words(command, systemdWord),
    arguments: configArguments(machine, systemdWord),
  })
}

export function tmpfilesConf(machine: Machine): OwnFile {
  return render('tmpfiles.conf', paths.tmpfiles, accountWords(machine))
}

export function initScript(machine: Machine): OwnFile {
  const command = machine.command('frameworkd')
  const file = render('frameworkd.init', paths.initScript, {
    command: words(command, shellWord),
    program: shellWord(command.at(-1) ?? ''),
    arguments: configArguments(machine, shellWord),
  })
  return { ...file, mode: 0o755 }
}

/** Our script at the path of the original's, for programs that call it by that name. */
export function predecessorScript(machine: Machine): OwnFile {
  const command = machine.command('frameworkd')
  const isSystemd = machine.initSystem === 'systemd'
  const file = render('ossim-framework.init', paths.oldInitScript, {
    command: words(command, shellWord),
    program: shellWord(command.at(-1) ?? ''),
    arguments: configArguments(machine, shellWord),
    startOrStop: ownText(isSystemd ? `systemctl "$1" ${services.daemon}.service` : 'frameworkd "$1"'),
  })
  return { ...file, mode: 0o755 }
}

/** logrotate demands `su ACCOUNT` for a folder that does not belong to root alone. */
export function logrotateConf(machine: Machine, settings: Settings): OwnFile {
  const { user, group } = accountWords(machine)
  const folder = machine.host.files.stat(logFolder(settings))
  const isRoots = folder?.uid === 0 && (folder.mode & 0o022) === 0
  const file = render('logrotate', paths.logrotate, {
    logs: words(
      logNames.map((name) => `${logFolder(settings)}/${name}`),
      logrotatePath,
    ),
    su: ownText(isRoots ? '' : `    su ${user} ${group}\n`),
    mode: ownText(textOfValue(settings, 'logMode')),
    user,
    group,
    reopen: reopenCommand(machine),
  })
  return { ...file, isInReadFolder: true }
}

/** The file of our check and the service's name in it; Monit accepts no name twice. */
export interface MonitPlace {
  path: string
  name: string
  mode: number
  /** Other statements that the file had. */
  rest: string
}

export const usualMonitPlace: MonitPlace = { path: paths.monit, name: services.daemon, mode: 0o644, rest: '' }

export function monitConf(machine: Machine, settings: Settings, place: MonitPlace): OwnFile {
  const commandOf = (action: 'start' | 'stop') => monitOrder(machine, action)
  const test = settings.listener
    ? `    if failed host ${loopback} port ${settings.port}\n        send "ping\\n" expect "pong" for 3 cycles then restart\n`
    : ''
  const file = render('monit', place.path, {
    name: ownText(place.name),
    start: commandOf('start'),
    stop: commandOf('stop'),
    test: ownText(test),
    rest: ownText(place.rest),
  })
  return { ...file, mode: place.mode, isInReadFolder: true }
}

/** The rest of another program's file, without the part that we replace, at its old path. */
export function remainingFile(path: string, mode: number, rest: string): OwnFile {
  const head = '# Written by frameworkd-setup: what stood here besides what frameworkd does now.\n'
  return { path, text: head + rest, mode, isInReadFolder: true }
}

function render(name: TemplateName, path: string, values: Values): OwnFile {
  return { path, text: renderTemplate(name, readTemplate(name), values) }
}

function renderUnit(machine: Machine, name: TemplateName, path: string, values: Values): OwnFile {
  return { path, text: withoutUnknownDirectives(machine.systemdVersion, render(name, path, values).text) }
}

/** The option that makes the services read the settings file of this run, where that is not the default. */
function configArguments({ request }: Machine, quote: (word: string) => Quoted): Quoted {
  const { settingsFile } = request
  return ownText(settingsFile === paths.settings ? '' : ` --config ${quote(settingsFile)}`)
}

function words(list: readonly string[], quote: (word: string) => Quoted): Quoted {
  return ownText(list.map(quote).join(' '))
}

function accountWords({ ownerNames: { user, group } }: Machine): { user: Quoted; group: Quoted } {
  return { user: accountWord(user), group: accountWord(group) }
}

/**
 * The signal goes to the main process only: it would kill a child process. Where no daemon runs, nothing is to be
 * done. Without systemd our own program signals the daemon, by its lock: a pidfile may name any process.
 */
function reopenCommand(machine: Machine): Quoted {
  if (machine.initSystem === 'systemd') {
    return ownText(`systemctl kill --kill-who=main --signal=USR2 ${services.daemon}.service 2>/dev/null || true`)
  }
  return ownText(`${words(machine.command('frameworkd'), shellWord)} reload >/dev/null 2>&1 || true`)
}

/**
 * The commands by which Monit starts and stops the service. With systemd they use systemctl: Monit's own unit may
 * forbid memory that a JIT compiler needs, for all its child processes. The reload after the start makes a daemon that
 * runs already write a lost pidfile again, for which Monit would wait in vain; elsewhere our own program does that.
 */
function monitOrder(machine: Machine, action: 'start' | 'stop'): Quoted {
  const unit = `${services.daemon}.service`
  if (machine.initSystem === 'systemd' && action === 'stop') return monitCommand(['/bin/systemctl', 'stop', unit])
  if (machine.initSystem === 'systemd') return monitScript(`systemctl start ${unit} && systemctl reload ${unit}`)
  if (machine.initSystem === 'sysv') return monitCommand([paths.initScript, action])
  const { settingsFile } = machine.request
  const config = machine.initSystem === 'none' && settingsFile !== paths.settings ? ['--config', settingsFile] : []
  return monitCommand([...machine.command('frameworkd'), action, ...config])
}
