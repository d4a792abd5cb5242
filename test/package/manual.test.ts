import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { manualPage, pageNames } from '../../scripts/package/manual.ts'

const noGroff = { skip: spawnSync('groff', ['--version']).error !== undefined && 'groff is not installed' }

for (const page of pageNames) {
  test(`${page} has no line of more than 80 columns, and nothing that groff warns of`, noGroff, () => {
    const input = manualPage(page, '0.1.0', '2026-11-24')
    const args = ['-man', '-Tascii', '-P-c', '-rLL=80n', '-wall']
    const { stdout, stderr } = spawnSync('groff', args, { input, encoding: 'utf8' })
    assert.equal(stderr, '')
    const plain = execFileSync('col', ['-b'], { input: stdout, encoding: 'utf8' })
    assert.deepEqual(
      plain.split('\n').filter((line) => line.length > 80),
      [],
    )
  })
}
