/**
 * Opens the embedded store of a root as setup does; then its owner, who is somebody else, writes a file
 * without end over it, in place. Reading it does not end by itself, and is given two seconds.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolveAccount } from '../../../src/host/accounts.ts'
import { Host } from '../../../src/host/host.ts'
import { loadSettings } from '../../../src/settings/load.ts'
import { openStore } from '../../../src/store/open-store.ts'
import { withEndlessSchema } from './crafted-database.ts'

const [root = ''] = process.argv.slice(2)
const host = new Host(root)
const flags = new Map([['store', 'sqlite'] as const])
const settings = loadSettings({ host, configFile: undefined, flags, environment: {} })
const owner = resolveAccount(host.files, settings.owner)
process.on('SIGTERM', () => {})
await using store = await openStore(settings, host, () => owner, new AbortController().signal, { workSeconds: 2 })
if (!(await store.schema()).table) throw new Error('there is no table')
const at = `${root}/var/lib/frameworkd/store/config.db`
const crafted = withEndlessSchema(readFileSync(at))
// The counter of changes, so that nothing that was read before is believed.
crafted.writeUInt32BE(crafted.readUInt32BE(24) + 1, 24)
writeFileSync(at, crafted)
await store.requireWritable()
