import { after, before, type TestContext, test } from 'node:test'
import { type BootOptions, Machine } from './machine.ts'
import type { Tree } from './tree.ts'

export interface OnMachine {
  machine: Machine
  context: TestContext
}

/**
 * For the tests of one describe(): they go on, one after the other, on one machine, which is booted before the first
 * and gone after the last.
 * @param name stands before each title
 * @param makeTree is called before the boot
 * @param limitMs milliseconds for each test
 * @returns declares a test
 */
export function onOneMachine(
  name: string,
  makeTree: () => Tree,
  { limitMs = 600_000, ...options }: BootOptions & { limitMs?: number } = {},
): (title: string, prove: (on: OnMachine) => Promise<void>) => void {
  let tree: Tree
  let machine: Machine
  before(async () => {
    tree = makeTree()
    machine = await Machine.boot(tree, options)
  })
  after(async () => {
    await machine[Symbol.asyncDispose]()
    tree[Symbol.dispose]()
  })
  return (title, prove) =>
    void test(`${name}: ${title}`, { timeout: limitMs }, (context) => prove({ machine, context }))
}
