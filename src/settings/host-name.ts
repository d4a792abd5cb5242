/** What the name or address of a machine may be; nothing else ever becomes part of a file for another program. */

const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
/** RFC 1123, and the underscores that container networks put into names; 63 letters a label. */
const label = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/
/** The interface of a link-local address, as the kernel names it (15 letters). */
const zone = /%[\w.-]{1,15}$/

/** An IPv4 or IPv6 address as text, the latter with its zone. */
function isAddress(text: string): boolean {
  const plain = text.replace(zone, '')
  return ipv4.test(text) || (plain.includes(':') && /^[\da-fA-F:.]+$/.test(plain) && URL.canParse(`http://[${plain}]/`))
}

/** An address, or a name that DNS or /etc/hosts could know. */
export function isHostName(text: string): boolean {
  if (isAddress(text)) return true
  const labels = text.replace(/\.$/, '').split('.')
  // A last label of digits makes it an address (RFC 3696), and it is none.
  return text.length <= 253 && labels.every((one) => label.test(one)) && !/^\d+$/.test(labels.at(-1) ?? '')
}
