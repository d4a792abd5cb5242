/**
 * Checks the bytes of a database file before SQLite reads its schema (sqlite.org/fileformat2.html).
 * In a crafted file one page can be the child of many cells of another. Some thirty pages are then a
 * tree with more rows than anybody can wait for, and SQLite reads all of them when it opens the file.
 * So the tree of the schema is walked here first, with a limit. SQLite's own quick_check walks all other
 * trees; it goes to each page once.
 */

/** Fills the bytes from an offset of the file. @returns how many it has read */
type Read = (bytes: Buffer, offset: number) => number

/** A few hundred times what a store of ours has. */
const limits = { pages: 1000, cells: 4000, payloadBytes: 1024 * 1024 }

const magic = Buffer.from('SQLite format 3\0')
const headerBytes = 100
const [leafTable, interiorTable] = [0x0d, 0x05]

/** Whether changes go to a log beside the file (its read or write version is 2). */
export function usesWriteAheadLog(read: Read): boolean {
  const header = readHeader(read)
  return header !== undefined && (header[18] !== 1 || header[19] !== 1)
}

/** Whether the schema can be read quickly. SQLite reports other damage itself, and a file that is no database. */
export function hasSmallSchema(read: Read): boolean {
  const header = readHeader(read)
  if (!header) return true
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16)
  const left = { ...limits }
  const waiting = [1]
  for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
    left.pages -= 1
    const page = Buffer.alloc(pageBytes)
    read(page, (number - 1) * pageBytes)
    const cells = cellsOf(page, number === 1 ? headerBytes : 0)
    left.cells -= cells.payloads.length + cells.children.length
    for (const bytes of cells.payloads) left.payloadBytes -= bytes
    waiting.push(...cells.children)
    if (left.pages < 0 || left.cells < 0 || left.payloadBytes < 0) return false
  }
  return true
}

function readHeader(read: Read): Buffer | undefined {
  const header = Buffer.alloc(headerBytes)
  const count = read(header, 0)
  return count === headerBytes && header.subarray(0, magic.length).equals(magic) ? header : undefined
}

/** The children of a page, and the sizes of the rows on it. */
function cellsOf(page: Buffer, at: number): { children: number[]; payloads: number[] } {
  const type = page[at]
  const none = { children: [], payloads: [] }
  if (type !== leafTable && type !== interiorTable) return none
  const first = at + (type === leafTable ? 8 : 12)
  const count = Math.min(page.readUInt16BE(at + 3), Math.floor((page.length - first) / 2))
  const offsets = Array.from({ length: count }, (_, index) => page.readUInt16BE(first + 2 * index))
  if (type === leafTable) return { ...none, payloads: offsets.map((offset) => readVariableInteger(page, offset)) }
  const children = offsets.filter((offset) => offset + 4 <= page.length).map((offset) => page.readUInt32BE(offset))
  return { ...none, children: [...children, page.readUInt32BE(at + 8)].filter((number) => number > 0) }
}

/** Seven bits a byte, the highest first, until one has no eighth bit; the ninth byte counts whole. */
function readVariableInteger(page: Buffer, offset: number): number {
  let value = 0
  for (let index = 0; index < 9; index += 1) {
    const byte = page[offset + index] ?? 0
    if (index === 8) return value * 256 + byte
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) break
  }
  return value
}
