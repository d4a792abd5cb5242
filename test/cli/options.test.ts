import assert from 'node:assert/strict'
import { test } from 'node:test'
import { program as daemon } from '../../src/cli/daemon/main.ts'
import { readDaemonRequest } from '../../src/cli/daemon/request.ts'
import { readInvocation } from '../../src/cli/dispatch.ts'
import { isOptionOf, type Option, type Options } from '../../src/cli/option.ts'
import { daemonOptions, setupOptions } from '../../src/cli/options.ts'
import { parseOptions } from '../../src/cli/parse-options.ts'
import type { ProgramEntry } from '../../src/cli/program.ts'
import { program as setup } from '../../src/cli/setup/main.ts'
import type { ProgramName } from '../../src/product/own-program.ts'
import { someOf } from '../support/extent.ts'
import { run } from '../support/programs.ts'

const mistakes: [program: ProgramName, args: string[], says: string][] = [
  ['frameworkd', ['start', '--pidfile', '--json'], '--pidfile needs a value: --pidfile=FILE'],
  ['frameworkd', ['run', '-p', '-l'], '--port needs a value: --port=PORT'],
  ['frameworkd', ['start', '--timeout', '-1'], '--timeout needs a value: --timeout=SECONDS'],
  ['frameworkd', ['status', '--json=1'], '--json takes no value'],
  ['frameworkd', ['run', '--constructor'], "unknown option '--constructor'"],
  ['frameworkd', ['run', '--prot', '1'], "unknown option '--prot'; did you mean --port?"],
  ['frameworkd', ['run', '-p'], '--port needs a value: --port=PORT'],
  ['frameworkd-setup', ['--owner', '--check'], '--owner needs a value: --owner=USER[:GROUP]'],
]

for (const [program, args, says] of someOf(mistakes, 4)) {
  test(`${program} ${args.join(' ')} ends with 2 and says what is wrong in one line`, async () => {
    const { code, stderr } = await run(program, args)
    assert.equal(code, 2)
    assert.equal(stderr, `${program}: ${says}\nhint: see --help\n`)
  })
}

/** For what goes through both programs, without the exact types of either. */
const programs = [setup, daemon] as unknown as ProgramEntry<Options, string>[]

for (const program of programs) {
  test(`${program.name}: an option that has no meaning for a verb is refused, each by each verb`, async () => {
    for (const verb of Object.keys(program.verbs)) {
      for (const [name, option] of Object.entries<Option>(program.options)) {
        const argv = [
          verb,
          'value' in option ? `--${name}=${option.kind === 'choice' ? option.choices[0] : 'x'}` : `--${name}`,
        ]
        if (isOptionOf(verb, option)) continue
        await assert.rejects(readInvocation(program, argv), {
          exitCode: 2,
          message: `--${name} is no option of ${verb}`,
        })
      }
    }
  })

  test(`${program.name}: help is a screen of 80 columns for each verb, with every option of it and no other`, async () => {
    const shown = await print(program, ['--help'])
    for (const verb of Object.keys(program.verbs)) {
      assert.match(shown, new RegExp(`^  ${verb} +\\S`, 'm'))
      const help = await print(program, [verb, '--help'])
      assert.equal(await print(program, ['help', verb]), help)
      assert.deepEqual(
        help.split('\n').filter((line) => line.length > 80),
        [],
      )
      const named = [...help.matchAll(/^ {2}(?:-\w, | {4})--([\w-]+)/gm)].map(([, name]) => name)
      const own = Object.entries<Option>(program.options).filter(([, option]) => isOptionOf(verb, option))
      assert.deepEqual(named.sort(), own.map(([name]) => name).sort())
      assert.match(help, /\nexamples?:\n {2}frameworkd.*\n(.*\n)*\nexit codes: 0 /)
    }
  })

  test(`${program.name}: no two options have one name, alias or letter`, () => {
    const options = Object.entries<Option>(program.options)
    const names = options.flatMap(([name, { alias, short }]) => [name, alias, short].filter((one) => one !== undefined))
    assert.equal(new Set(names).size, names.length)
  })
}

test('start hands on to run what both understand, and nothing else', () => {
  const flags = parseOptions(
    ['-v', '-v', '--port=5', '--timeout=3', '--root=/', '--log-format=json', '-c', '/x'],
    daemonOptions,
  )
  assert.deepEqual(readDaemonRequest(flags).forRun, [
    '--port=5',
    '--log-format=json',
    '--verbose',
    '--verbose',
    '--config=/x',
  ])
})

test('help of a word with which several verbs begin lists those', async () => {
  for (const argv of [
    ['help', 'key'],
    ['key', '--help'],
  ]) {
    const invocation = await readInvocation(setup, argv)
    const text = 'print' in invocation ? invocation.print : assert.fail(`${argv.join(' ')} runs something`)
    for (const verb of Object.keys(setup.verbs))
      assert.equal(text.includes(`\n  ${verb} `), verb.startsWith('key '), verb)
    assert.match(text, /^usage: frameworkd-setup key VERB \[options\]\n/)
  }
  await assert.rejects(readInvocation(setup, ['key']), { exitCode: 2, message: /key is not a verb/ })
})

test('an option that has no effect without another one is refused', async () => {
  await assert.rejects(readInvocation(setup, ['--detailed-exitcode']), { exitCode: 2, message: /without --check$/ })
  await assert.rejects(readInvocation(setup, ['uninstall', '--force']), { exitCode: 2, message: /without --purge$/ })
  for (const argv of [
    ['uninstall', '--yes'],
    ['uninstall', '--yes', '--check'],
  ])
    await assert.rejects(readInvocation(setup, argv), { exitCode: 2, message: '--yes has no effect without --purge' })
  const withCheck = ['--check', '--wait-for-lock', '5']
  await assert.rejects(readInvocation(setup, withCheck), {
    exitCode: 2,
    message: /--wait-for-lock has no effect with --check/,
  })
  for (const argv of [
    ['check', '--detailed-exitcode'],
    ['-C', '--detailed-exitcode'],
    ['seal', '--force'],
    ['uninstall', '--purge', '--yes', '--check'],
    ['check', '--yes'],
  ])
    assert.ok('run' in (await readInvocation(setup, argv)))
})

test('a name that is no option does not compile', () => {
  const flags = parseOptions([], setupOptions)
  // @ts-expect-error
  assert.equal(flags.isSet('chekc'), false)
  // @ts-expect-error: a switch has no text
  assert.equal(flags.text('check'), undefined)
  const format: 'text' | 'json' = flags.choice('output')
  assert.equal(format, 'text')
})

test('a word that is no choice is refused, and those that are stand in the message', async () => {
  const { code, stderr } = await run('frameworkd-setup', ['--adopt', 'both'])
  assert.equal(code, 2)
  assert.match(stderr, /--adopt: "both" is not one of file, database, new\n/)
})

async function print<O extends Options, V extends string>(
  program: ProgramEntry<O, V>,
  argv: string[],
): Promise<string> {
  const invocation = await readInvocation(program, argv)
  assert.ok('print' in invocation)
  return invocation.print
}
