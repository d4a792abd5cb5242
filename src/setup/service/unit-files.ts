/**
 * The files of a unit on this machine. A unit that a package installed stays as it is; where this machine needs
 * something else (another account, log folder, settings file), that goes into a drop-in.
 */

import { paths } from '../../paths.ts'
import type { ProgramName } from '../../product/own-program.ts'
import { readTemplate } from '../../product/templates.ts'
import { type Machine, packagedCommand } from '../machine.ts'
import type { OwnFile } from './installed.ts'
import { ownText } from './quote.ts'
import { renderTemplate } from './render-template.ts'
import { packagedUnit, unitPath } from './units.ts'

/** The files that are needed, and those that may be left over from the other way (unit or drop-in). */
export interface UnitFiles {
  wanted: readonly OwnFile[]
  obsolete: readonly string[]
}

/**
 * The directives that may differ on a machine. The first two are lists, which a drop-in has to empty first
 * (systemd.unit(5)).
 */
const lists = ['ExecStart', 'ReadWritePaths'] as const
const adapted = [...lists, 'User', 'Group', 'PrivateTmp'] as const

/** @param render the unit for a command line */
export function unitFiles(
  machine: Machine,
  service: string,
  program: ProgramName,
  render: (command: readonly string[]) => OwnFile,
): UnitFiles {
  const dropIn = dropInPath(service)
  const packaged = packagedUnit(machine.host, service)
  if (packaged === undefined) return { wanted: [render(machine.command(program))], obsolete: [dropIn] }
  const text = machine.host.files.read(packaged)?.bytes.toString('utf8') ?? ''
  const lines = adaptations(text, render(packagedCommand(program)).text)
  if (lines.length === 0) return { wanted: [], obsolete: [unitPath(service), dropIn] }
  const settings = ownText(lines.map((line) => `${line}\n`).join(''))
  const file = { path: dropIn, text: renderTemplate('drop-in.conf', readTemplate('drop-in.conf'), { settings }) }
  return { wanted: [file], obsolete: [unitPath(service)] }
}

/** The lines of a drop-in that give the packaged unit the wanted values. */
function adaptations(packaged: string, wanted: string): string[] {
  return adapted.flatMap((name) => {
    const value = directive(wanted, name)
    if (value === undefined || isServed(name, value, directive(packaged, name))) return []
    return lists.some((list) => list === name) ? [`${name}=`, `${name}=${value}`] : [`${name}=${value}`]
  })
}

/**
 * Whether the packaged value is good enough: more writable paths than needed do no harm (it has those of both
 * stores).
 */
function isServed(name: string, wanted: string, packaged: string | undefined): boolean {
  if (name !== 'ReadWritePaths') return wanted === packaged
  const there = packaged?.split(' ') ?? []
  return wanted.split(' ').every((path) => there.includes(path))
}

function directive(unit: string, name: string): string | undefined {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1]
}

/** Where the drop-in of a unit is. */
function dropInPath(service: string): string {
  return `${paths.units}/${service}.service.d/frameworkd-setup.conf`
}
