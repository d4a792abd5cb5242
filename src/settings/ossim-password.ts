/**
 * Why ossim.conf cannot hold a password; undefined when it can. Its old readers split at the last
 * `=` and end at white space (OSSIM `OssimConf.py`).
 */
export function whyNotKept(password: string): string | undefined {
  if (password !== '' && !/[=\s]/.test(password)) return undefined
  return 'its old readers misread one that is empty or has = or white space in it'
}
