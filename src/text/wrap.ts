/** A text, broken between words so that no line is longer than a width. */
export type Wrap = (text: string, indent: number) => string

/** Columns of a line whose width is unknown (a serial line, a pipe). */
export const usualColumns = 80
/** No line is made narrower than this. */
const narrowest = 20

/**
 * Makes a function that wraps texts for a terminal; a path that is longer than a line is broken behind a slash.
 * @returns a function of a text and of the column where its lines begin; the first line is not indented
 */
export function wrapTo({ columns }: { readonly columns?: number | undefined }): Wrap {
  return (text, indent) => {
    const width = Math.max((columns || usualColumns) - indent, narrowest)
    const lines = text.split('\n').flatMap((line) => wrapLine(line, width))
    return lines.join(`\n${' '.repeat(indent)}`)
  }
}

/** A value and where it comes from: what does not fit into one line is broken between the two first. */
export function withSource(value: string, source: string, columns: number, indent: number): string {
  const wrap = wrapTo({ columns })
  const [line, below] = [`${value}  (${source})`, `(${source})`]
  if (indent + line.length <= columns) return line
  return `${wrap(value, indent)}\n${' '.repeat(indent)}${wrap(below, indent)}`
}

/**
 * Spaces at the beginning of a line are kept, and repeated before each broken part. A command (`$ …`) is not broken,
 * so that it can be copied.
 */
function wrapLine(line: string, width: number): string[] {
  if (/^ *\$ /.test(line)) return [line]
  const words = line.trimStart()
  const begin = line.slice(0, line.length - words.length)
  const room = Math.max(width - begin.length, narrowest)
  const lines: string[] = []
  let current = ''
  for (const word of words.split(' ')) {
    const parts = word.length > room ? breakLongWord(word, room) : [word]
    for (const [index, part] of parts.entries()) {
      const joint = index > 0 || current === '' ? '' : ' '
      if (current !== '' && current.length + joint.length + part.length > room) {
        lines.push(current)
        current = part
      } else {
        current += joint + part
      }
    }
  }
  return [...lines, current].map((text) => begin + text)
}

/** Breaks behind each slash or comma; where there is none, after as many characters as fit into a line. */
function breakLongWord(word: string, room: number): string[] {
  const parts = word.split(/(?<=[/,])/)
  return parts.flatMap((part) => part.match(new RegExp(`.{1,${room}}`, 'gsu')) ?? [])
}
