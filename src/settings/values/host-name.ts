/** Which texts are the name or address of a machine. No other text is ever written into a file for another program. */

const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
/** A label by RFC 1123, and with the underscores that container networks put into names; at most 63 letters. */
const label = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/
/** The zone of a link-local address: the name of an interface, at most 15 letters in Linux. */
const zone = /%[\w.-]{1,15}$/

/** An IPv4 or IPv6 address as text, the latter with its zone. */
function isAddress(text: string): boolean {
  const plain = text.replace(zone, '')
  return ipv4.test(text) || (plain.includes(':') && /^[\da-fA-F:.]+$/.test(plain) && URL.canParse(`http://[${plain}]/`))
}

/** Whether a text is an address, or a name that DNS or /etc/hosts could know. */
export function isHostName(text: string): boolean {
  if (isAddress(text)) return true
  const labels = text.replace(/\.$/, '').split('.')
  // With a last label of digits it would have to be an IPv4 address (RFC 3696), and it is none.
  return text.length <= 253 && labels.every((one) => label.test(one)) && !/^\d+$/.test(labels.at(-1) ?? '')
}
