/** The picture of the README: what a terminal showed, as SVG. */
import { Console, down, enter, type Size } from '../support/pty.ts'
import { Sandbox } from '../support/sandbox.ts'
import { type Cell, readScreen } from '../support/screen.ts'

const size: Size = { columns: 80, rows: 24 }
const look = { TERM: 'xterm-256color', LANG: 'C.UTF-8' }
const cell = { width: 8.4, height: 18 }
const edge = 16
const background = '#1d2330'
const foreground = '#d8dee9'
const dimmed = '#8490a4'
/** Of the first colours of a palette: red, green, yellow, blue, magenta, cyan. */
const palette = ['#000000', '#e06c75', '#8fc27a', '#e5c07b', '#6fa8dc', '#c58fd4', '#62bcc7', foreground]

/** Plays a first run in a terminal. @returns the picture, the same for the same screens */
export async function drawPicture(): Promise<string> {
  await using sandbox = await Sandbox.create('sqlite')
  await using person = new Console(['--root', sandbox.root], look, undefined, size)
  await person.answer(/Where is OSSIM/, `${down}${enter}`)
  await person.answer(/Account of the service/, enter)
  await person.answer(/Review these values/, enter)
  await person.answer(/Make these changes\?/, `y${enter}`)
  if ((await person.ended()) !== 0) throw new Error(person.text)
  // On a machine itself there is no other root, and a key has a fingerprint of its own.
  const raw = person.raw
    .replaceAll(` --root ${sandbox.root}`, '')
    .replaceAll(sandbox.root, '')
    .replace(/\b[0-9a-f]{8}(?= \(fingerprint)/g, '1a2b3c4d')
  return render(await readScreen(`$ frameworkd-setup\r\n${raw}`, size))
}

function render(lines: readonly (readonly Cell[])[]): string {
  const last = lines.findLastIndex((line) => line.some(({ text }) => text !== ' '))
  const [width, height] = [2 * edge + size.columns * cell.width, 2 * edge + (last + 1) * cell.height]
  const rows = lines.slice(0, last + 1).map((line, index) => row(line, edge + (index + 0.75) * cell.height))
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<title>frameworkd-setup at a terminal: questions, the plan, the run</title>
<rect width="100%" height="100%" rx="8" fill="${background}"/>
<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="${foreground}" xml:space="preserve">
${rows.join('')}</g>
</svg>
`
}

/** Cells that are drawn alike are one piece, and each piece has its place: no font has to be as wide as ours. */
function row(line: readonly Cell[], y: number): string {
  const pieces: { start: number; text: string; look: string }[] = []
  for (const [column, { text, color, isBold, isDim }] of line.entries()) {
    const fill = isDim ? dimmed : color === undefined ? undefined : (palette[color % 8] ?? foreground)
    const look = `${fill === undefined ? '' : ` fill="${fill}"`}${isBold ? ' font-weight="bold"' : ''}`
    const piece = pieces.at(-1)
    if (piece?.look === look) piece.text += text
    else pieces.push({ start: column, text, look })
  }
  return pieces
    .filter(({ text }) => text.trim() !== '')
    .map(
      ({ start, text, look }) =>
        `<text x="${(edge + start * cell.width).toFixed(1)}" y="${y}"${look}>${escapeXml(text.trimEnd())}</text>\n`,
    )
    .join('')
}

function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
}
