import { type TestContext, type TestOptions, test } from 'node:test'
import { extent } from './extent.ts'
import { type StoreKind, storeKinds } from './sandbox.ts'

type Body = (kind: StoreKind, t: TestContext) => Promise<void>

/** A test on each kind of store. A sample runs it on one: its name decides on which, so a file has tests of both. */
export function testOnEachStore(name: string, body: Body): void
export function testOnEachStore(name: string, options: TestOptions, body: Body): void
export function testOnEachStore(name: string, ...rest: [Body] | [TestOptions, Body]): void {
  const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest
  const chosen = storeKinds[name.length % storeKinds.length]
  for (const kind of storeKinds) {
    const isLeftOut = extent === 'sample' && kind !== chosen
    const skip = options.skip || (isLeftOut && `a sample has it on ${chosen}: TEST_EXTENT=all`)
    test(`${kind}: ${name}`, { ...options, skip }, (t) => body(kind, t))
  }
}
