/** What an OSSIM machine has besides us: a database with its account, and its password in a file. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Machine } from './machine.ts'

export const password = `pa;ss#w"rd'`
export const keyFile = '/etc/ossim/framework/db_encryption_key'

const sqlPassword = password.replaceAll("'", "''")

/** The account may come from anywhere, for machines that share a database. */
export const createDatabase = [
  'CREATE DATABASE IF NOT EXISTS alienvault',
  `CREATE USER IF NOT EXISTS 'ossim'@'%' IDENTIFIED BY '${sqlPassword}'`,
  "GRANT ALL ON alienvault.* TO 'ossim'@'%'",
].join('; ')

/** The flags of a first apply on a server. */
export function databaseFlags(host = '127.0.0.1'): string {
  return `--store mysql --db-host ${host} --db-user ossim --db-password-file /root/db-password --create-schema`
}

/** systemd would start the server for whoever connects to its socket. */
export const databaseUnits = 'mariadb.service mariadb.socket'

export const setup = 'frameworkd-setup --non-interactive --no-color'

/** One of the packages under test, as machines see it. */
export function packageFile(kind: 'frameworkd' | 'frameworkd-legacy' = 'frameworkd'): string {
  const names = readdirSync('build').filter((name) => name.startsWith(`${kind}_`) && name.endsWith('.deb'))
  if (names.length !== 1 || names[0] === undefined) throw new Error(`build/ does not hold one ${kind}: npm run package`)
  return `/packages/${names[0]}`
}

export async function installPackage(machine: Machine, file = packageFile()): Promise<void> {
  machine.tree.write('/root/db-password', `${password}\n`, 0o600)
  await machine.output(`dpkg --install ${file}`)
}

/** Database, package and a first apply. */
export async function provision(machine: Machine, file = packageFile()): Promise<void> {
  await sql(machine, createDatabase, '')
  await installPackage(machine, file)
  await machine.output(`${setup} ${databaseFlags()}`)
  await untilServing(machine)
}

export async function untilServing(machine: Machine): Promise<void> {
  await until('the daemon answers ping', async () => (await machine.run('frameworkd ping')).stdout === 'pong\n')
}

/** It serves, and the run that set it up is over. */
export async function untilSetUp(machine: Machine): Promise<void> {
  await untilServing(machine)
  await until('status says that it is done', async () => (await machine.run('frameworkd-setup status')).code === 0)
}

/** It serves by itself after a reboot, with the same key, and one more apply changes nothing. */
export async function assertSurvivesReboot(machine: Machine): Promise<void> {
  const key = await keyOf(machine)
  await machine.reboot()
  await untilServing(machine)
  assert.equal(await keyOf(machine), key)
  assert.match(await machine.output(setup), /changed=0 .*failed=0/)
}

export async function keyOf(machine: Machine): Promise<string> {
  const key = await machine.output(`sed -n s/^key=//p ${keyFile}`)
  assert.match(key, /^[0-9A-Z]{8}(-[0-9A-Z]{4}){3}-[0-9A-Z]{12}$/)
  return key
}

export function rowOf(machine: Machine): Promise<string> {
  return sql(machine, "SELECT value FROM config WHERE conf = 'encryption_key'")
}

/** Runs statements on the machine's own server, as its administrator. */
export function sql(machine: Machine, statements: string, database = 'alienvault'): Promise<string> {
  return machine.output(`mariadb --batch --skip-column-names ${database} <<'END'\n${statements}\nEND`)
}

export function mainPid(machine: Machine): Promise<string> {
  return machine.output('systemctl show -P MainPID frameworkd')
}

/** Waits for another process than the one with that pid to serve. */
export async function untilServingAnew(machine: Machine, oldPid: string): Promise<void> {
  await until('another process serves', async () => {
    const pid = await mainPid(machine)
    return pid !== oldPid && pid !== '0' && (await machine.run('frameworkd ping')).stdout === 'pong\n'
  })
}

export async function isActive(machine: Machine): Promise<boolean> {
  return (await machine.run('systemctl is-active --quiet frameworkd')).code === 0
}

/** Polls until a condition holds. @throws Error that names it after two minutes, or a limit in seconds */
export async function until(what: string, condition: () => Promise<boolean>, limitSeconds = 120): Promise<void> {
  const begun = Date.now()
  while (!(await condition())) {
    if (Date.now() - begun > limitSeconds * 1000) throw new Error(`${what}: not within ${limitSeconds} s`)
    await sleep(250)
  }
}

/** How long after the start of its process 1 the machine was up, whatever still waits then. */
export async function bootFigure(machine: Machine): Promise<string> {
  const microseconds = async (arguments_: string) => Number(await machine.output(`systemctl show -P ${arguments_}`))
  const begun = await microseconds('UserspaceTimestampMonotonic')
  const up = await microseconds('ActiveEnterTimestampMonotonic multi-user.target')
  return `multi-user.target after ${((up - begun) / 1e6).toFixed(1)} s`
}
