/** What the flags of frameworkd-setup ask for, in the words of the rooms that do it. */
import { selectTasks } from '../../engine/select.ts'
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { looksOf } from '../../host/output/looks.ts'
import { openHost } from '../../host/preconditions.ts'
import type { Adoption } from '../../key/reconcile.ts'
import { readPasswordFile, type SettingsRequest } from '../../settings/load.ts'
import { type PreflightName, preflightNames } from '../../setup/preflight-name.ts'
import { tasks } from '../../setup/tasks.ts'
import type { SetupVerb, setupOptions } from '../options.ts'
import type { ParsedOptions } from '../parse-options.ts'
import { SlowLine } from '../slow-line.ts'
import type { RunPresentation } from './run-and-report.ts'

export type SetupFlags = ParsedOptions<typeof setupOptions>

/** The sources of settings that the command line names, for the machine that it names. */
export function readRequest(flags: SetupFlags): SettingsRequest {
  return readSettingsRequest(flags, openHost(flags.text('root')))
}

/** The sources of settings that the command line names. */
export function readSettingsRequest(flags: SetupFlags, host: Host): SettingsRequest {
  const passwordFile = flags.text('db-password-file')
  return {
    host,
    configFile: flags.text('config'),
    flags: flags.settings(),
    environment: process.env,
    typedPassword: passwordFile === undefined ? undefined : readPasswordFile(passwordFile),
  }
}

/** Which tasks take part. @throws KnownError `usage` */
export function readSelection(flags: SetupFlags): ReturnType<typeof selectTasks> {
  const [tags, skipTags, startAt] = [readList(flags, 'tags'), readList(flags, 'skip-tags'), flags.text('start-at-task')]
  return selectTasks(tasks, {
    ...(tags && { tags }),
    ...(skipTags && { skipTags }),
    ...(startAt !== undefined && { startAt }),
  })
}

export function readAdoption(flags: SetupFlags): Adoption | undefined {
  return flags.choice('adopt')
}

/** The preflight failures that are to be warnings. @throws KnownError `usage` */
export function readIgnoredPreflight(flags: SetupFlags): readonly PreflightName[] {
  return (readList(flags, 'ignore-preflight') ?? []).map((name) => {
    const known = preflightNames.find((one) => one === name)
    if (known !== undefined) return known
    const hint = `known checks: ${preflightNames.join(', ')}`
    throw new KnownError('usage', `--ignore-preflight: ${JSON.stringify(name)} is not a check of preflight`, hint)
  })
}

/** What a person at a terminal reads before the table. */
const titles: Partial<Record<SetupVerb, string>> = {
  apply: 'Brings this machine to the wanted state. What is right already stays as it is.',
  seal: "Removes what is this machine's own, so that it is safe to clone.",
  uninstall: 'Removes what apply installed. Key, rows, logs and changed files stay.',
  'key import': 'Puts a sealed key in place.',
  'key rotate': 'Replaces the key, and encrypts every stored value anew.',
}

function titleOf(flags: SetupFlags, verb: SetupVerb): string | undefined {
  if (verb === 'check' || flags.isSet('check')) return 'Looks at what would change. Nothing is changed.'
  if (flags.isSet('purge')) return 'Removes what apply installed, and logs, state and the key file too.'
  return titles[verb]
}

/** How a run of a verb is shown. */
export function readShow(flags: SetupFlags, verb: SetupVerb): RunPresentation {
  const { color: isColored, unicode } = looksOf(process.env)
  const [format, color] = [flags.choice('output'), isColored && !flags.isSet('no-color')]
  return {
    verb,
    format,
    slow: new SlowLine('frameworkd-setup', format, color),
    title: titleOf(flags, verb),
    color,
    unicode,
    diff: flags.isSet('diff') || verb === 'check',
    detailedExitCode: flags.isSet('detailed-exitcode'),
  }
}

function readList(flags: SetupFlags, name: 'tags' | 'skip-tags' | 'ignore-preflight'): string[] | undefined {
  return flags
    .text(name)
    ?.split(',')
    .map((item) => item.trim())
}
