/** IP addresses as texts: how they are compared, and which addresses the special ones stand for. */

/** Always served: it is where OSSIM's web interface asks, whatever row frameworkd_address says. */
export const loopback = '127.0.0.1'

/** Each stands for every address of the machine, the second for those of IPv4 too. */
const everyAddress = ['0.0.0.0', '::']

/** The address by which this machine reaches a program that listens on an address. */
export function reachableAddress(address: string): string {
  return everyAddress.includes(address) ? loopback : address
}

/** An address as it is compared: an IPv4 one that came over an IPv6 socket is that IPv4 address, a zone is left out. */
export function plainAddress(address: string): string {
  return address
    .toLowerCase()
    .replace(/%.*$/, '')
    .replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '')
}

/** @param address a plain one */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address)
}
