/**
 * Makes a machine or an image safe to clone: everything that must be different on each machine is removed, and the
 * next boot makes it anew. The completion mark is removed first, so that this boot also repairs a seal that was
 * interrupted. A row on a server is never touched.
 */
import type { Plan, Task } from '../engine/task.ts'
import { KnownError } from '../errors.ts'
import { resolveAccount } from '../host/accounts.ts'
import { listAsides } from '../host/files/keep-aside.ts'
import type { Host } from '../host/host.ts'
import { parseKeyFile } from '../key/key-file.ts'
import { paths } from '../paths.ts'
import { definitionOf } from '../settings/definitions.ts'
import type { LoadedSettings } from '../settings/load.ts'
import type { Settings } from '../settings/resolve.ts'
import type { ConfigStore } from '../store/config-store.ts'
import { fileSuffixes } from '../store/sqlite/embedded-file.ts'

/** A daemon that runs, and how to stop it. */
export interface RunningDaemon {
  pid: number
  stop(): Promise<void>
}

/** What is sealed. */
export interface RemovalRequest {
  host: Host
  settings: LoadedSettings
  /** Seal although stored values depend on the key. */
  force: boolean
  /** The store, if it is on this machine; undefined where it is on another one, or none is configured. */
  localStore: ConfigStore | undefined
  /** The path of the key file, by all settings and the rows of that store. */
  keyFile: string
  /** Looks for the daemon that runs here, however it was started. */
  daemon(): RunningDaemon | undefined
}

/** Rows that name paths. Only these are read: a wrong port is no reason not to seal. */
const placeRows = (['keyFile', 'logDir'] as const).map((name) => definitionOf(name).row)

/**
 * The settings, with the paths that rows of a store on this machine name, if there is one.
 * @throws KnownError `configuration` for a row that names a path that it may not; nothing is removed then
 */
export async function settingsOfStore(
  settings: LoadedSettings,
  host: Host,
  localStore: ConfigStore | undefined,
): Promise<Settings> {
  if (!localStore || !(await localStore.schema()).table) return settings
  const rows = [...(await localStore.rows())].filter(([name]) => placeRows.includes(name))
  return settings.withRows(new Map(rows), () => resolveAccount(host.files, settings.owner))
}

type SealTask = Task<RemovalRequest>

export const values: SealTask = {
  name: 'values',
  title: 'Check that no stored value depends on the key',
  tags: ['always'],
  async plan({ force, localStore }) {
    if (!localStore) return { outcome: 'ok', summary: 'there is no store on this machine' }
    const { table } = await localStore.schema()
    const { sampled } = table ? await localStore.examine([]) : { sampled: 0 }
    if (sampled === 0) return { outcome: 'ok', summary: `none in ${localStore.place}` }
    const what = `values in ${localStore.place} are encrypted with the key of this machine`
    if (force) return { outcome: 'ok', summary: 'there are some', warnings: [`${what}; they are lost on its clones`] }
    throw new KnownError('key-in-use', what, 'keep a backup of the key and say --force, or empty the store first')
  },
}

const daemon: SealTask = {
  name: 'daemon',
  title: 'Stop the daemon, which would be left without its key',
  tags: ['service'],
  async plan(request) {
    const running = request.daemon()
    if (!running) return { outcome: 'ok', summary: 'none runs' }
    return {
      outcome: 'change',
      summary: `stop frameworkd, pid ${running.pid}`,
      apply: () => running.stop(),
    }
  },
}

const completionMark = makeRemovalTask('completion-mark', 'Have the next boot set the machine up', () => [
  paths.setupComplete,
])

export const keyFile: SealTask = {
  name: 'key-file',
  title: 'Remove the key file and what was kept beside it',
  tags: ['identity'],
  async plan(request) {
    const { host } = request
    const places = new Set([paths.keyFile, request.settings.keyFile, request.keyFile, ...findKeyFiles(host)])
    return planRemoval(
      host,
      [...places].flatMap((path) => [path, ...listAsides(host.files, path)]),
    )
  },
}

/** How deep below OSSIM's folder a key file may be, and how many entries are looked at. */
const searchLimits = { depth: 4, entries: 2000 }
const keyFileLimitBytes = 4096

/**
 * Key files below OSSIM's folder, where rows may have put them: a row on a server is not read here, and may have
 * named another path when the key was made.
 */
function findKeyFiles(host: Host): string[] {
  const found: string[] = []
  let left = searchLimits.entries
  const search = (folder: string, depth: number) => {
    for (const name of host.files.list(folder)) {
      left -= 1
      if (left < 0) return
      const path = `${folder}/${name}`
      const stats = host.files.stat(path)
      if (stats?.isDirectory() && depth > 0) search(path, depth - 1)
      const isSmall = stats?.isFile() && stats.size > 0 && stats.size <= keyFileLimitBytes
      if (isSmall && parseKeyFile(host.files.read(path)?.bytes ?? Buffer.alloc(0)).kind === 'good') found.push(path)
    }
  }
  if (host.files.stat(paths.ossimFolder)?.isDirectory()) search(paths.ossimFolder, searchLimits.depth)
  return found
}

export const embeddedStore = makeRemovalTask('embedded-store', 'Remove the embedded store', () =>
  fileSuffixes.map((suffix) => `${paths.storeFile}${suffix}`),
)

const systemId = makeRemovalTask('system-id', "Remove the machine's ids of OSSIM", () => [
  paths.systemId,
  paths.centerId,
])

export const setupState = makeRemovalTask('setup-state', 'Remove what setup knows of this machine', () => [
  paths.setupResult,
  paths.setupWaiting,
  paths.machineMark,
])

/** An empty file is filled at the next boot, on a read-only /etc too (machine-id(5)). */
const machineId: SealTask = {
  name: 'machine-id',
  title: 'Empty the machine id',
  tags: ['identity'],
  async plan({ host }) {
    const found = host.files.read(paths.machineId)
    const isCopy = host.files.stat(paths.dbusMachineId)?.isFile() === true
    if ((!found || found.bytes.length === 0) && !isCopy) return { outcome: 'ok', summary: 'it is empty' }
    return {
      outcome: 'change',
      summary: `empty ${paths.machineId}`,
      async apply() {
        if (isCopy) host.files.remove(paths.dbusMachineId)
        if (found) host.files.write(paths.machineId, Buffer.alloc(0), { mode: 0o444 })
      },
    }
  },
}

/** What seal does, in order. */
export const sealTasks: readonly SealTask[] = [
  values,
  daemon,
  completionMark,
  keyFile,
  embeddedStore,
  systemId,
  setupState,
  machineId,
]

function makeRemovalTask(name: string, title: string, list: () => string[]): SealTask {
  return { name, title, tags: ['identity'], plan: async ({ host }) => planRemoval(host, list()) }
}

/** Removes those that exist. An entry that is neither a file nor a link is not ours: it is kept, with a warning. */
export function planRemoval(host: Host, candidates: readonly string[]): Plan {
  const found = candidates.map((path) => ({ path, stats: host.files.stat(path) })).filter(({ stats }) => stats)
  const there = found.filter(({ stats }) => stats?.isFile() || stats?.isSymbolicLink()).map(({ path }) => path)
  const others = found.map(({ path }) => path).filter((path) => !there.includes(path))
  const warnings = others.map((path) => `kept: ${path}, which is neither a file nor a link`)
  if (there.length === 0) return { outcome: 'ok', summary: 'nothing there', warnings }
  return {
    outcome: 'change',
    summary: `remove ${there.join(', ')}`,
    warnings,
    async apply() {
      for (const path of there) host.files.remove(path)
    },
  }
}
