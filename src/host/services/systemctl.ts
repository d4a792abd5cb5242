/**
 * What systemctl(1) is asked about a unit, and how its answer reads. It is run in two ways: systemd.ts takes
 * what it prints, for setup; systemd-service.ts lets people see it, for the verbs of the daemon.
 */

/** Its arguments to show properties of a unit (org.freedesktop.systemd1(5)). */
export function showArguments(unit: string, names: readonly string[]): string[] {
  return ['show', `--property=${names.join(',')}`, unit]
}

/** Lines of NAME=VALUE. */
export function parseProperties(text: string): Readonly<Record<string, string | undefined>> {
  const lines = text.split('\n').filter((line) => line.includes('='))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
  )
}
