/** The collection's modules, on roots of their own: what they hand to the program, and what they make of its answer. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isOptionOf, type Option } from '../../src/cli/option.ts'
import { setupOptions } from '../../src/cli/options.ts'
import { definitionOf } from '../../src/settings/definitions.ts'
import { Ansible, type Play } from '../support/ansible/ansible.ts'
import { leftOut } from '../support/extent.ts'
import { keyA, keyB, keyFileText, keyPath, password, Sandbox } from '../support/sandbox.ts'
import { isMissing } from '../support/services.ts'

const skip = isMissing('ansible-playbook')
const skipPlays = skip || leftOut

/** Those that a module is not told of: it always or never gives them, or by another way. */
const ofTheModule: Readonly<Record<string, string>> = {
  'non-interactive': 'always',
  output: 'always json',
  check: 'check mode',
  diff: 'diff mode',
  'db-password-file': 'db_password',
  'detailed-exitcode': 'changed',
  yes: 'nobody is asked',
  step: 'nobody is asked',
  reconfigure: 'nobody is asked',
  'list-tasks': 'for people',
  verbose: 'for people',
  'no-color': 'for people',
  help: 'ansible-doc',
  version: 'module info',
}

interface Documented {
  options: Record<string, { type: string; choices?: string[]; default?: unknown }>
}

test('each option of apply is a parameter of module setup, with its choices, and none is made up', {
  skip,
}, async () => {
  using ansible = new Ansible()
  const name = 'frameworkd.ossim.setup'
  const { code, stdout, stderr } = await ansible.run('ansible-doc', ['--json', name])
  assert.equal(code, 0, stderr)
  const options = (JSON.parse(stdout) as Record<string, { doc: Documented }>)[name]?.doc.options ?? {}
  const wanted = Object.entries<Option>(setupOptions).filter(
    ([option, known]) => isOptionOf('apply', known) && !(option in ofTheModule),
  )
  const names = [...wanted.map(([option]) => option.replaceAll('-', '_')), 'db_password']
  assert.deepEqual(Object.keys(options).sort(), names.sort())
  for (const [option, known] of wanted) {
    const choices = known.kind === 'choice' ? known.choices : known.setting && definitionOf(known.setting).choices
    assert.deepEqual(options[option.replaceAll('-', '_')]?.choices, choices && [...choices], option)
  }
})

test('the role has each parameter of the module that is a setting, and says what it is', { skip }, async () => {
  using ansible = new Ansible()
  const { stdout } = await ansible.run('ansible-doc', ['--json', '--type', 'role', 'frameworkd.ossim.frameworkd'])
  const [role] = Object.values(JSON.parse(stdout) as Record<string, { entry_points: { main: Documented } }>)
  const options = role?.entry_points.main.options ?? {}
  const settings = Object.entries<Option>(setupOptions).filter(
    ([, option]) => option.setting !== undefined && isOptionOf('apply', option),
  )
  for (const [option] of settings) {
    const variable = `frameworkd_${option.replaceAll('-', '_')}`.replace(/db_host$/, 'db_hosts')
    assert.ok(variable in options, variable)
  }
  const defaults = readFileSync(
    join(ansible.folder, 'ansible_collections/frameworkd/ossim/roles/frameworkd/defaults/main.yml'),
    'utf8',
  )
  // One without a default is left to the module, and to what the machine has.
  const withDefault = Object.keys(options).filter((name) => options[name]?.default !== undefined)
  assert.deepEqual([...defaults.matchAll(/^(\w+):/gm)].map(([, name]) => name).sort(), withDefault.sort())
})

/** Machines that are roots, reached without a connection. */
function inventoryOf(ansible: Ansible, roots: Readonly<Record<string, string>>): string {
  const hosts = Object.entries(roots).map(([name, root]) => [name, { root }])
  const vars = { ansible_connection: 'local', ansible_python_interpreter: '/usr/bin/python3' }
  return ansible.write('inventory.json', { all: { hosts: Object.fromEntries(hosts), vars } })
}

function playbookOf(ansible: Ansible, parameters: Record<string, unknown>): string {
  const tasks = [{ name: 'set up', 'frameworkd.ossim.setup': { root: '{{ root }}', wait_for_db: 0, ...parameters } }]
  return ansible.write('play.json', [{ hosts: 'all', gather_facts: false, tasks }])
}

const changedIn = ({ stats }: Play) => Object.values(stats).map(({ changed }) => changed)

test('machines on one server: check mode writes nothing, then all are changed, then none; the password stays hidden', {
  skip: skipPlays,
}, async () => {
  await using sandbox = await Sandbox.create('mysql')
  using ansible = new Ansible()
  ansible.installPrograms()
  const roots = Object.fromEntries(['one', 'two', 'three'].map((name) => [name, makeRoot(sandbox, name)]))
  const inventory = inventoryOf(ansible, roots)
  const [, host, , port] = sandbox.flags.slice(2)
  const playbook = playbookOf(ansible, {
    db_host: ['127.0.0.1:1', `${host}:${port}`],
    db_name: sandbox.database,
    db_user: sandbox.database,
    db_password: password,
  })
  const before = sandbox.tree()
  const check = await ansible.play(inventory, playbook, ['--check', '--diff'])
  assert.deepEqual(changedIn(check), [1, 1, 1], check.stdout)
  assert.equal(sandbox.tree(), before)
  assert.match(JSON.stringify(check.results('set up').one?.diff), /\+db-host=127.0.0.1:1,/)
  assert.equal(await sandbox.keyInRow(), undefined)

  const first = await ansible.play(inventory, playbook, ['-vvv'])
  assert.equal(first.code, 0, first.stdout)
  assert.deepEqual(changedIn(first), [1, 1, 1])
  const key = await sandbox.keyInRow()
  for (const root of Object.values(roots)) assert.equal(keyIn(root), key)
  const { one } = first.results('set up')
  assert.match(String((one?.warnings ?? [])[0]), /^passed over: .* nothing listens there/)
  assert.deepEqual(Object.keys(one?.key ?? {}), ['fingerprint', 'source'])

  const second = await ansible.play(inventory, playbook)
  assert.deepEqual(changedIn(second), [0, 0, 0], second.stdout)
})

test('a machine whose key needs a human fails with the hint, and leaves the others', { skip: skipPlays }, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  await using conflict = await Sandbox.create('sqlite')
  using ansible = new Ansible()
  ansible.installPrograms()
  conflict.write(keyPath, keyFileText(keyA), 0o400)
  await conflict.setRow('encryption_key', keyB)
  const inventory = inventoryOf(ansible, { well: sandbox.root, conflict: conflict.root })
  const play = await ansible.play(inventory, playbookOf(ansible, { store: 'sqlite' }))
  assert.equal(play.stats.well?.failures, 0)
  assert.equal(play.stats.conflict?.failures, 1)
  const { rc, msg, hint, error_code: code } = play.results('set up').conflict ?? {}
  assert.deepEqual([rc, code], [3, 'key-conflict'])
  assert.match(String(msg), /different keys[\s\S]*\(the key needs a human\); hint: /)
  assert.match(String(hint), /--adopt/)
})

test('a mistake in the parameters, and a machine without the program, are told as what they are', {
  skip: skipPlays,
}, async () => {
  await using sandbox = await Sandbox.create('sqlite')
  using ansible = new Ansible()
  const inventory = inventoryOf(ansible, { one: sandbox.root })
  const missing = await ansible.play(inventory, playbookOf(ansible, { store: 'sqlite' }))
  assert.match(String(missing.results('set up').one?.msg), /frameworkd-setup is not installed here/)
  const would = await ansible.play(inventory, playbookOf(ansible, { store: 'sqlite' }), ['--check'])
  assert.deepEqual(changedIn(would), [1])
  ansible.installPrograms()
  const wrong = await ansible.play(inventory, playbookOf(ansible, { store: 'sqlite', tags: ['identty'] }))
  const { rc, msg } = wrong.results('set up').one ?? {}
  assert.equal(rc, 2)
  assert.match(String(msg), /identty.*\(usage or configuration\); hint: /)
})

function makeRoot(sandbox: Sandbox, name: string): string {
  const root = sandbox.path(`/machines/${name}`)
  mkdirSync(join(root, 'etc'), { recursive: true })
  writeFileSync(join(root, 'etc/passwd'), sandbox.read('/etc/passwd'))
  return root
}

function keyIn(root: string): string | undefined {
  return /^key=(.*)$/m.exec(readFileSync(join(root, keyPath), 'latin1'))?.[1]
}
