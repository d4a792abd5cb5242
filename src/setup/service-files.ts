/** The files of services, rendered for this machine. */
import { readTemplate, type TemplateName } from '../host/templates.ts'
import { paths, services } from '../paths.ts'
import type { Settings } from '../settings/resolve.ts'
import type { OwnFile } from './installed.ts'
import { logFolder, logNames } from './log-folder.ts'
import type { Machine } from './machine.ts'
import { renderTemplate, shellWord, systemdPath, systemdWord } from './render-template.ts'
import { unitPath } from './units.ts'

type Values = Readonly<Record<string, string>>

export function serviceUnit(machine: Machine, settings: Settings): OwnFile {
  const store = settings.store === 'sqlite' ? [paths.storeFolder] : []
  // A place that is missing is no reason not to start: the daemon says what it lacks.
  const writable = [logFolder(settings), ...store].map((path) => `-${systemdPath(path)}`).join(' ')
  const isSocketInTmp = /^\/(var\/)?tmp\//.test(settings.dbSocket ?? '')
  return render('frameworkd.service', unitPath(services.daemon), {
    command: machine.command('frameworkd').map(systemdWord).join(' '),
    arguments: configArguments(machine, systemdWord),
    ...machine.ownerNames,
    writable,
    privateTmp: isSocketInTmp ? 'no' : 'yes',
  })
}

export function firstBootUnit(machine: Machine): OwnFile {
  return render('frameworkd-first-boot.service', unitPath(services.firstBoot), {
    command: machine.command('frameworkd-setup').map(systemdWord).join(' '),
    arguments: configArguments(machine, systemdWord),
  })
}

export function tmpfilesConf(machine: Machine): OwnFile {
  return render('tmpfiles.conf', paths.tmpfiles, machine.ownerNames)
}

export function initScript(machine: Machine): OwnFile {
  const command = machine.command('frameworkd')
  const file = render('frameworkd.init', paths.initScript, {
    command: command.map(shellWord).join(' '),
    program: shellWord(command.at(-1) ?? ''),
    arguments: configArguments(machine, shellWord),
  })
  return { ...file, mode: 0o755 }
}

/** logrotate wants to be the account that a folder belongs to, unless that is root. */
export function logrotateConf(machine: Machine, settings: Settings): OwnFile {
  const { user, group } = machine.ownerNames
  const folder = machine.host.files.stat(logFolder(settings))
  const isRoots = folder?.uid === 0 && (folder.mode & 0o022) === 0
  const file = render('logrotate', paths.logrotate, {
    logs: logNames.map((name) => `${logFolder(settings)}/${name}`).join(' '),
    su: isRoots ? '' : `    su ${user} ${group}\n`,
    mode: `0${settings.logMode.toString(8)}`,
    user,
    group,
    reopen: reopenCommand(machine, user),
  })
  return { ...file, isInReadFolder: true }
}

export function monitConf(machine: Machine, settings: Settings): OwnFile {
  const order = (action: string) => monitOrder(machine, action)
  const test = settings.listener
    ? `    if failed host ${reachable(settings.listenAddress)} port ${settings.port}\n        send "ping\\n" expect "pong" for 3 cycles then restart\n`
    : ''
  const file = render('monit', paths.monit, { start: order('start'), stop: order('stop'), test })
  return { ...file, isInReadFolder: true }
}

function render(name: TemplateName, path: string, values: Values): OwnFile {
  return { path, text: renderTemplate(name, readTemplate(name), values) }
}

/** The services read the settings that this run keeps. */
function configArguments({ request }: Machine, quote: (word: string) => string): string {
  const { settingsFile } = request
  if (settingsFile === paths.settings) return ''
  return ` --config ${quote(settingsFile)}`
}

/** Only the main process: a helper at work would die of the signal. A daemon that is not there needs none. */
function reopenCommand({ initSystem }: Machine, user: string): string {
  if (initSystem === 'systemd') {
    return `systemctl kill --kill-who=main --signal=USR2 ${services.daemon}.service 2>/dev/null || true`
  }
  // --user: the pidfile is the account's, so it may name any process; only its own are signalled.
  return `start-stop-daemon --stop --quiet --oknodo --signal USR2 --user ${user} --pidfile ${paths.pidfile}`
}

function monitOrder(machine: Machine, action: string): string {
  if (machine.initSystem === 'systemd') return `/bin/systemctl ${action} ${services.daemon}.service`
  if (machine.initSystem === 'sysv') return `${paths.initScript} ${action}`
  return [...machine.command('frameworkd'), action].join(' ')
}

/** The address to ask on where the daemon listens on all of them. */
function reachable(address: string): string {
  return address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address
}
