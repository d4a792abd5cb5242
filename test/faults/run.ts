/** `npm run test:faults`: the long version of every suite here, and one table of what was tried. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TallyLine } from './support/tally.ts'

const begun = performance.now()
const folder = mkdtempSync(join(tmpdir(), 'frameworkd-faults-'))
const tally = join(folder, 'tally')
const env = { ...process.env, TEST_EXTENT: 'long', FAULTS_TALLY: tally }
/** They belong to what they are about, and have a long version too. */
const elsewhere = [
  'test/daemon/monit.test.ts',
  'test/daemon/listener/ossim-protocol.test.ts',
  'test/daemon/listener/addresses.test.ts',
]
// One suite here is one test, and may take as long as all.
const args = ['test/run.ts', 'test/faults', ...elsewhere, '--test-timeout=3600000', ...process.argv.slice(2)]
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env })
printTable(existsSync(tally) ? readFileSync(tally, 'utf8') : '')
rmSync(folder, { recursive: true })
process.exitCode = status ?? 1

function printTable(text: string): void {
  const lines = text
    .trimEnd()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as TallyLine)
  const rows = lines
    .sort((a, b) => a.suite.localeCompare(b.suite) || a.tried.localeCompare(b.tried))
    .map(({ suite, tried, times, lost }) => [suite, tried, String(times), String(lost)])
  const table = [['suite', 'what was tried', 'how often', 'lost'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const shown = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const minutes = ((performance.now() - begun) / 60_000).toFixed(1)
  console.log(`\n${shown.join('\n')}\n\n${minutes} minutes`)
}
