/** How a user or a group is named: by a name, or by the id that the kernel knows. */

/**
 * Names that useradd(8) accepts, and those of directory services (LDAP, Active Directory), with capitals, dots and a
 * domain; a machine account ends with a dollar sign. systemd, tmpfiles.d and logrotate read such a name as one word.
 */
export function isAccountName(text: string): boolean {
  return /^[A-Za-z0-9_][\w.@-]{0,254}\$?$/.test(text) && !/^\d+$/.test(text)
}

/** An id as the kernel takes it: the highest of 32 bits means "none" (chown(2)). */
export function isAccountId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 - 1
}
