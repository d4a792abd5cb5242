import { type ByteText, whiteSpace } from './byte-text.ts'

const notReadWhole = new RegExp(`[=${whiteSpace}]`)

/**
 * Why ossim.conf cannot hold a value; undefined when it can. Its old readers split at the last `=` and
 * end at white space (OSSIM `OssimConf.py`).
 */
export function whyNotKept(value: ByteText): string | undefined {
  if (value !== '' && !notReadWhole.test(value)) return undefined
  return 'its old readers misread one that is empty or has = or white space in it'
}
