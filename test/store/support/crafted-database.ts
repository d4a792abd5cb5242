/** Database files that nobody would make by accident (sqlite.org/fileformat2.html). */

const headerBytes = 100

/** A file whose schema is on a page that is the child of every cell of another, several times over. */
export function withEndlessSchema(database: Buffer): Buffer {
  const pageBytes = database.readUInt16BE(16)
  // The schema's page has the file's header on it, and its pointers count from the page's beginning.
  const leaf = Buffer.alloc(pageBytes)
  const count = database.readUInt16BE(headerBytes + 3)
  database.copy(leaf, 0, headerBytes, headerBytes + 8 + 2 * count)
  database.copy(leaf, headerBytes + 8 + 2 * count, headerBytes + 8 + 2 * count, pageBytes)
  return growDownwards(database, pageBytes, leaf, 1)
}

/** The same with the rows of the first table. */
export function withEndlessTable(database: Buffer): Buffer {
  const pageBytes = database.readUInt16BE(16)
  return growDownwards(database, pageBytes, Buffer.from(database.subarray(pageBytes, 2 * pageBytes)), 2)
}

/** Puts levels of pages, each with one child only, above a leaf. */
function growDownwards(database: Buffer, pageBytes: number, leaf: Buffer, root: number): Buffer {
  const levels = 12
  const first = database.length / pageBytes + 1
  const pages = [leaf, ...Array.from({ length: levels - 1 }, (_, level) => interior(pageBytes, first + level, 0))]
  const whole = Buffer.concat([database, ...pages])
  const at = root === 1 ? headerBytes : 0
  interior(pageBytes, first + levels - 1, at).copy(whole, (root - 1) * pageBytes + at, at)
  whole.writeUInt32BE(whole.length / pageBytes, 28)
  return whole
}

function interior(pageBytes: number, child: number, at: number): Buffer {
  const page = Buffer.alloc(pageBytes)
  const cellBytes = 5
  const count = Math.floor((pageBytes - at - 12) / (2 + cellBytes))
  page[at] = 0x05
  page.writeUInt16BE(count, at + 3)
  page.writeUInt16BE(pageBytes - count * cellBytes, at + 5)
  page.writeUInt32BE(child, at + 8)
  for (let index = 0; index < count; index += 1) {
    const offset = pageBytes - (index + 1) * cellBytes
    page.writeUInt16BE(offset, at + 12 + 2 * index)
    page.writeUInt32BE(child, offset)
    page[offset + 4] = 1
  }
  return page
}

/** A journal with nothing to roll back that names a super-journal. */
export function withSuperJournal(path: string): Buffer {
  const magic = Buffer.from('d9d505f920a163d7', 'hex')
  const header = Buffer.alloc(512)
  magic.copy(header)
  header.writeUInt32BE(512, 20)
  header.writeUInt32BE(4096, 24)
  const name = Buffer.from(path)
  const end = Buffer.alloc(12)
  end.writeUInt32BE(name.length, 4)
  end.writeUInt32BE(
    name.reduce((sum, byte) => sum + byte, 0),
    8,
  )
  const pageNumber = Buffer.alloc(4)
  return Buffer.concat([header, pageNumber, name, end.subarray(4), magic])
}
