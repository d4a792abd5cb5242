/**
 * The arguments of `systemctl show`, and a parser for its output (systemctl(1)). Two modules run systemctl:
 * systemd.ts captures its output, for setup; systemd-service.ts shows it to people, for the verbs of the daemon.
 */

/** The arguments that show properties of a unit (org.freedesktop.systemd1(5)). */
export function showArguments(unit: string, names: readonly string[]): string[] {
  return ['show', `--property=${names.join(',')}`, unit]
}

/** Parses lines of NAME=VALUE. */
export function parseProperties(text: string): Readonly<Record<string, string | undefined>> {
  const lines = text.split('\n').filter((line) => line.includes('='))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
  )
}
