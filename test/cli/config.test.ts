import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kebabName, settingNames } from '../../src/settings/definitions.ts'
import { testOnEachStore } from '../support/each-store.ts'
import { run } from '../support/programs.ts'
import { password, Sandbox } from '../support/sandbox.ts'

testOnEachStore(
  'config tells every setting, where it comes from, and what else could set it; the rows too',
  async (kind) => {
    await using sandbox = await Sandbox.create(kind)
    assert.equal((await sandbox.setup()).code, 0)
    await sandbox.setRow('frameworkd_port', '40099')
    const before = sandbox.tree()
    const options = { env: { FRAMEWORKD_OWNER: '0:0' } }
    const place = kind === 'mysql' ? sandbox.flags.slice(0, 4) : []
    const { code, stdout } = await run('frameworkd-setup', ['config', '--root', sandbox.root, ...place], options)
    assert.equal(code, 0)
    assert.match(
      stdout,
      /^port +40099 {2}\(row frameworkd_port of table config\)\n {4}or: frameworkd --port, FRAMEWORKD_PORT/m,
    )
    assert.match(stdout, /^owner +0:0 {2}\(FRAMEWORKD_OWNER\)$/m)
    assert.equal(stdout.includes(password), false)
    const json = await run(
      'frameworkd-setup',
      ['config', '--output', 'json', '--root', sandbox.root, ...place],
      options,
    )
    const { settings } = JSON.parse(json.stdout)
    const names = settings.map(({ name }: { name: string }) => name)
    assert.deepEqual(names, [...settingNames.map(kebabName), 'password'])
    const told = settings.at(-1)
    assert.equal(told.value, kind === 'mysql' ? '[hidden]' : null)
    assert.equal(sandbox.tree(), before)
  },
)

test('config tells what is known where the store cannot be asked, and refuses what is wrong', async () => {
  await using sandbox = await Sandbox.create('mysql')
  const nowhere = ['config', '--root', sandbox.root, '--db-socket', '/nosuch.sock', '--db-user', 'ossim']
  const { code, stdout } = await run('frameworkd-setup', nowhere)
  assert.equal(code, 0)
  assert.match(stdout, /\nwithout the rows of table config: .*nosuch\.sock/)
  const wrong = await run('frameworkd-setup', ['config', '--root', sandbox.root, '--db-port', 'x'])
  assert.equal(wrong.code, 2)
})
