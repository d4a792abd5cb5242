import { type ByteText, whiteSpace } from './byte-text.ts'

const misreadCharacters = new RegExp(`[=${whiteSpace}]`)

/**
 * Why ossim.conf cannot hold a value; undefined when it can. Its old readers split a line at the last `=`, and
 * end the value at white space (OSSIM `OssimConf.py`).
 */
export function whyNotKept(value: ByteText): string | undefined {
  if (value !== '' && !misreadCharacters.test(value)) return undefined
  return 'its old readers misread one that is empty or has = or white space in it'
}
