/** What a writer of rows, settings, notes and texts would try: made by hand by kind, and at random besides. */
import fc from 'fast-check'

/** A key that is in no place of a test, so that it is a stranger's secret if it is shown. */
export const strangersKey = 'DEADBEEF-9999-8888-7777-666655554444'

const paths = [
  '/etc/ld.so.preload',
  '/etc/cron.d/x',
  '/etc/cron.d/new',
  '/etc/sudoers.d/x',
  '/etc/systemd/system/cron.service.d/y.conf',
  '/etc/ossim/agent.cfg',
  '/etc/ossim/../ld.so.preload',
  '/etc/ossim//framework/x',
  '/etc/ossim/framework',
  '/etc/ossim/framework/',
  '/dev/canary',
  '/dev/fifo',
  '/dev/ptmx',
  '/proc/self/mem',
  '/proc/1/environ',
  '/root/.ssh/authorized_keys',
  '/../../../../../../etc/shadow',
  '/var/log/journal',
  '/var/log/ossim/../../../srv',
  'relative/path',
  '~/x',
  '/',
  '//',
  '/etc/ossim/%n{a,b}*?',
  `/${'a/'.repeat(3000)}b`,
]

const statements = [
  '127.0.0.1(port)1(then)exec"/x"if(failed)host(127.0.0.1)',
  '127.0.0.1\n[Service]\nExecStartPre=/x',
  '"; exec "/x',
  "'; DROP TABLE config; --",
  '$(touch /srv/new)',
  '`touch /srv/new`',
  '{{command}}',
  '%h %n $MAINPID $(HOME)',
  '{ } \\',
]

const texts = [
  '\u001b]0;owned\u0007\u001b[2J',
  '\u009b31m',
  '\u202egnp.exe',
  'a\rb',
  'a\u0000b',
  'a\u2028b',
  strangersKey,
  strangersKey.toLowerCase(),
  'pass'.repeat(40_000),
  `password=${'x'.repeat(100_000)}`,
  'A'.repeat(60_000),
  '\u{1f511}'.repeat(5000),
  '',
  ' ',
  '\u00a0',
]

const numbers = [
  '-1',
  '0',
  '00',
  '65536',
  '4294967295',
  '99999999999999999999',
  '1e3',
  '0x10',
  'NaN',
  '\u0661',
  '1 2',
  '4444',
  '7777',
]

/** Bytes that are no UTF-8. */
const bytes = [Buffer.from([0xff, 0xfe, 0x00]), Buffer.from([0xc3, 0x28]), Buffer.from('caf\xe9', 'latin1')]

/** Every value by hand. */
export const handmade: readonly (string | Buffer | null)[] = [
  ...paths,
  ...statements,
  ...texts,
  ...numbers,
  ...bytes,
  null,
]

/** Values of text alone, for where bytes and NULL have no place. */
export const handmadeTexts = handmade.filter((value) => typeof value === 'string')

/** As many at random, of the characters that mean something to somebody. */
export function randomValues(count: number, seed: number): string[] {
  const unit = fc.constantFrom(...'/.\\"\'`$%{}()[];:=#*?!-+@,~&|<> \t\n\r\u001b\u0000\u0085\u009b\u202eaZ09\u00e9')
  const piece = fc.oneof(unit, fc.constantFrom('/etc/', '/dev/', '..', 'key=', 'password=', strangersKey, '\u001b['))
  const value = fc.array(piece, { maxLength: 40 }).map((parts) => parts.join(''))
  return fc.sample(value, { numRuns: count, seed })
}

/** Values of JSON where a note has a field. */
export const wrongFields: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1,
  1.5,
  2 ** 53,
  '',
  'x',
  '\u001b[2J',
  '\u009b31m',
  strangersKey,
  '/dev/canary',
  '/dev/fifo',
  '/etc/ld.so.preload',
  '/../../x',
  'A'.repeat(50_000),
  [],
  ['/etc/ld.so.preload'],
  [[[[]]]],
  {},
  { toString: null },
  { length: 1e9 },
]

/** Each copy of a note in which one field, at any depth, is another value; and the note with none of it. */
export function withWrongFields(note: unknown, wrong: readonly unknown[]): unknown[] {
  const found: unknown[] = []
  const visit = (value: unknown, rebuild: (other: unknown) => unknown) => {
    for (const other of wrong) found.push(rebuild(other))
    if (typeof value !== 'object' || value === null) return
    for (const [name, inner] of Object.entries(value)) {
      const copy = (other: unknown) =>
        rebuild(Array.isArray(value) ? value.with(Number(name), other) : { ...value, [name]: other })
      visit(inner, copy)
    }
  }
  visit(note, (other) => other)
  return found
}
