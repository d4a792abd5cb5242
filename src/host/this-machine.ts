import { networkInterfaces } from 'node:os'

/** Whether a host name or address is this machine's: `localhost`, loopback, or the address of one of its interfaces. */
export function isThisMachine(host: string): boolean {
  const address = host.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '')
  if (/^localhost\.?$/.test(address) || /^127\./.test(address) || address === '::1') return true
  return Object.values(networkInterfaces()).some((own) => own?.some((one) => one.address === address))
}
