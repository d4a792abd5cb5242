/** What names a user or a group: by a name, or by the number that the kernel knows. */

/**
 * What useradd(8) takes, and the capitals, points and letters of a domain that directories have; a machine's
 * account ends with a dollar sign. Such a name is a plain word to systemd, tmpfiles.d and logrotate.
 */
export function isAccountName(text: string): boolean {
  return /^[A-Za-z0-9_][\w.@-]{0,254}\$?$/.test(text) && !/^\d+$/.test(text)
}

/** An id as the kernel takes it: the highest of 32 bits means "none" (chown(2)). */
export function isAccountId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 - 1
}
