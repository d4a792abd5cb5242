/** Every screen, and how one comes to it. */
import { down, enter } from '../support/pty.ts'
import { keyA, keyB, keyFileText, keyPath } from '../support/sandbox.ts'
import type { Stage } from './stage.ts'

const setup = 'frameworkd-setup'
const stop = '\u0003'

/** On a dumb terminal a choice is a number; elsewhere so many steps down. */
function pick(number: number): string {
  return `${down.repeat(number - 1)}${enter}`
}

/** A screen; those that ask are not for a pipe. */
export interface Screen {
  asks?: true
  play(stage: Stage, pick: (number: number) => string): Promise<void>
}

export const screens: Readonly<Record<string, Screen>> = {
  'the help': {
    async play(stage) {
      await stage.show(setup, ['--help'])
      await stage.show('frameworkd', ['--help'])
    },
  },
  'the help of a verb': {
    async play(stage) {
      await stage.show(setup, ['help', 'seal'])
      await stage.show('frameworkd', ['help', 'start'])
    },
  },
  'a first run': {
    asks: true,
    async play(stage, pick) {
      const { root } = stage.sandbox
      await stage.show(
        setup,
        ['--root', root],
        [
          [/Where is OSSIM/, pick(2)],
          [/Account of the service/, enter],
          [/Review these/, pick(1)],
          [/Make these changes\?/, `y${enter}`],
        ],
      )
      await stage.show(setup, ['--root', root])
    },
  },
  'stopped by the person': {
    asks: true,
    async play(stage, pick) {
      const args = ['--root', stage.sandbox.root]
      await stage.show(setup, args, [[/Where is OSSIM/, stop]])
      await stage.show(
        setup,
        [...args, '--diff', '--store', 'sqlite'],
        [
          [/Account of the service/, enter],
          [/Review these/, pick(1)],
          [/Make these changes\?/, enter],
          [/Review these/, stop],
        ],
      )
    },
  },
  'a connection that fails': {
    asks: true,
    async play(stage, pick) {
      await stage.show(
        setup,
        ['--root', stage.sandbox.root],
        [
          [/Where is OSSIM/, pick(1)],
          [/Database server/, `/nosuch.sock${enter}`],
          [/Name of the/, enter],
          [/Database user/, `ossim${enter}`],
          [/Password/, `secret${enter}`],
          [/What now/, stop],
        ],
      )
    },
  },
  'check, apply, status': {
    async play(stage) {
      const args = ['--root', stage.sandbox.root]
      const given = ['--non-interactive', '--store', 'sqlite']
      await stage.show(setup, ['check', ...given, ...args])
      await stage.show(setup, [...given, ...args])
      await stage.show(setup, ['--non-interactive', ...args])
      await stage.show(setup, ['status', ...args])
    },
  },
  'the settings': {
    async play(stage) {
      await stage.show(setup, ['config', '--store', 'sqlite', '--root', stage.sandbox.root])
    },
  },
  'two keys': {
    async play(stage) {
      const args = ['--root', stage.sandbox.root, '--non-interactive', '--store', 'sqlite']
      stage.sandbox.write(keyPath, keyFileText(keyA), 0o400)
      await stage.sandbox.setRow('encryption_key', keyB)
      await stage.sandbox.addEncrypted(keyA)
      await stage.show(setup, args)
      await stage.show(setup, [...args, '--adopt', 'database', '--check'])
      await stage.show(setup, [...args, '--adopt', 'database', '--tags', 'key'])
    },
  },
  'a choice between two keys': {
    asks: true,
    async play(stage, pick) {
      stage.sandbox.write(keyPath, keyFileText(keyA), 0o400)
      await stage.sandbox.setRow('encryption_key', keyB)
      await stage.sandbox.addEncrypted(keyA)
      await stage.show(
        setup,
        ['--root', stage.sandbox.root, '--store', 'sqlite', '--owner', '0:0'],
        [
          [/Review these/, pick(1)],
          [/What now/, pick(3)],
          [/Review these/, pick(1)],
          [/Make these changes\?/, `y${enter}`],
        ],
      )
    },
  },
  'seal and uninstall': {
    async play(stage) {
      const args = ['--root', stage.sandbox.root]
      await stage.sandbox.setup(['--owner', '0:0'])
      const answer = [[/Remove all/, enter]] as const
      await stage.show(setup, ['uninstall', ...args])
      if (!stage.isPipe) await stage.show(setup, ['uninstall', '--purge', ...args], answer)
      await stage.show(setup, ['seal', '--yes', ...args])
    },
  },
  mistakes: {
    async play(stage) {
      const args = ['--root', stage.sandbox.root]
      await stage.show(setup, ['aply', ...args])
      await stage.show(setup, ['--host', 'db1', ...args])
      await stage.show(setup, ['--non-interactive', ...args])
      await stage.show(setup, ['--non-interactive', '--owner', 'nobody-here', '--store', 'sqlite', ...args])
      await stage.show(setup, ['--non-interactive', '--db-socket', '/nosuch.sock', '--db-user', 'ossim', ...args])
    },
  },
  'the daemon that does not run': {
    async play(stage) {
      const args = ['--root', stage.sandbox.root]
      await stage.show('frameworkd', ['status', ...args])
      await stage.show('frameworkd', ['stop', ...args])
      await stage.show('frameworkd', ['verify', ...args])
    },
  },
}

/** How a choice is picked in a look. */
export function pickerOf(look: { env: Readonly<Record<string, string>> }): (number: number) => string {
  return look.env.TERM === 'dumb' ? (number) => `${number}${enter}` : pick
}
