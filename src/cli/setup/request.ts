/** What the flags of frameworkd-setup ask for, in the words of the rooms that do it. */
import { selectTasks } from '../../engine/select.ts'
import { KnownError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { Adoption } from '../../key/reconcile.ts'
import { kebabName, type SettingName, settingNames } from '../../settings/definitions.ts'
import { readPasswordFile, type SettingsRequest } from '../../settings/load.ts'
import { type PreflightName, preflightNames } from '../../setup/preflight-name.ts'
import { tasks } from '../../setup/tasks.ts'
import { type ParsedFlags, setupOptions } from '../flags.ts'
import { readFormat, readOneOf } from '../one-of.ts'
import type { Show } from './run-and-report.ts'

/** The sources of settings that the command line names. */
export function readSettingsRequest(flags: ParsedFlags, host: Host): SettingsRequest {
  const passwordFile = flags.text('db-password-file')
  return {
    host,
    configFile: flags.text('config'),
    flags: settingFlags(flags),
    environment: process.env,
    typedPassword: passwordFile === undefined ? undefined : readPasswordFile(passwordFile),
  }
}

/** Which tasks take part. @throws KnownError `usage` */
export function readSelection(flags: ParsedFlags): ReturnType<typeof selectTasks> {
  const [tags, skipTags, startAt] = [readList(flags, 'tags'), readList(flags, 'skip-tags'), flags.text('start-at-task')]
  return selectTasks(tasks, {
    ...(tags && { tags }),
    ...(skipTags && { skipTags }),
    ...(startAt !== undefined && { startAt }),
  })
}

export function readAdoption(flags: ParsedFlags): Adoption | undefined {
  return readOneOf(flags, 'adopt', ['file', 'database', 'new'])
}

/** The preflight failures that are to be warnings. @throws KnownError `usage` */
export function readIgnoredPreflight(flags: ParsedFlags): readonly PreflightName[] {
  return (readList(flags, 'ignore-preflight') ?? []).map((name) => {
    const known = preflightNames.find((one) => one === name)
    if (known !== undefined) return known
    const hint = `known checks: ${preflightNames.join(', ')}`
    throw new KnownError('usage', `--ignore-preflight: ${JSON.stringify(name)} is not a check of preflight`, hint)
  })
}

/** How a run of a verb is shown. */
export function readShow(flags: ParsedFlags, verb: string): Show {
  return {
    verb,
    format: readFormat(flags),
    color: !flags.isSet('no-color') && !process.env.NO_COLOR,
    diff: flags.isSet('diff') || verb === 'check',
    detailedExitCode: flags.isSet('detailed-exitcode'),
  }
}

/** The flags that are settings, as texts. */
function settingFlags(flags: ParsedFlags): Map<SettingName, string> {
  const found = new Map<SettingName, string>()
  for (const name of settingNames) {
    const flag = kebabName(name)
    if (flag in setupOptions && flags.isSet(flag)) found.set(name, flags.text(flag) ?? 'yes')
  }
  return found
}

function readList(flags: ParsedFlags, name: string): string[] | undefined {
  return flags
    .text(name)
    ?.split(',')
    .map((item) => item.trim())
}
