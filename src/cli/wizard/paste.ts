/**
 * What a terminal sends when somebody pastes. What was pasted never answers a question that comes after, least of
 * all one for consent:
 * 1. A paste that the terminal marks (DECSET 2004, "bracketed paste") is text and nothing else. Its first line is
 *    put where the cursor is, to be looked at; Enter is for the person.
 * 2. Of an unmarked one the first line is the answer, and what comes in the same piece behind its end is dropped.
 * 3. What comes before a question is drawn is none of its answer: `dropTypedAhead`. Only a choice that is the first
 *    question of all is drawn without that.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { stoppedByPerson } from './terminal.ts'

export const markPastes = '\u001b[?2004h'
export const doNotMarkPastes = '\u001b[?2004l'

const esc = '\u001b'
const start = `${esc}[200~`
const end = `${esc}[201~`
const marker = new RegExp(`(${esc}\\[20[01]~)`)
const interrupt = '\u0003'
const lineEnd = /[\r\n]/
/** A paste comes in pieces, over a serial line each of a character; a person is slower. */
const quietMs = 50

/** Takes what is read piece by piece, and gives what is typed with it. */
export class PasteFilter {
  /** The beginning of a marker whose end has not come yet. */
  #held = ''
  /** Undefined outside of a marked paste. */
  #paste: { isTaken: boolean; isEnded: boolean } | undefined

  take(piece: string): string {
    const text = this.#held + piece
    this.#held = this.#beginOfMarker(text)
    let typed = ''
    for (const part of text.slice(0, text.length - this.#held.length).split(marker)) {
      if (part === start) this.#paste = { isTaken: false, isEnded: false }
      else if (part === end) this.#paste = undefined
      else typed += this.#paste ? this.#pasted(part) : part
    }
    return upToFirstLine(typed)
  }

  /** What a text ends with and a marker begins with. A piece that is Esc alone is that key, where nothing is pasted. */
  #beginOfMarker(text: string): string {
    const isKey = text === esc && !this.#paste
    for (let length = start.length - 1; length > 0 && !isKey; length--) {
      const last = text.slice(-length)
      if (start.startsWith(last) || end.startsWith(last)) return last
    }
    return ''
  }

  /** Of the first line that is not empty what can be seen. */
  #pasted(text: string): string {
    let line = ''
    for (const character of text) {
      if (!this.#paste || this.#paste.isEnded) break
      if (lineEnd.test(character)) this.#paste.isEnded = this.#paste.isTaken
      else if (!/\p{Cc}/u.test(character)) {
        line += character
        this.#paste.isTaken = true
      }
    }
    return line
  }
}

function upToFirstLine(text: string): string {
  const at = text.search(lineEnd)
  return at < 0 ? text : text.slice(0, at + 1)
}

/** Drops what is typed until nothing more comes. @throws KnownError `interrupted` for Ctrl-C */
export async function dropTypedAhead(signal: AbortSignal): Promise<void> {
  const { stdin } = process
  const stopped = new AbortController()
  let lastMs = performance.now()
  const drop = (data: Buffer) => {
    lastMs = performance.now()
    if (data.includes(interrupt)) stopped.abort(stoppedByPerson())
  }
  stdin.setRawMode(true)
  stdin.on('data', drop).resume()
  try {
    for (let left = quietMs; left > 0; left = lastMs + quietMs - performance.now()) {
      // The program's own signal counts for the question that comes.
      await sleep(left, undefined, { signal })
      stopped.signal.throwIfAborted()
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    stdin.off('data', drop).pause()
    stdin.setRawMode(false)
  }
}
