import { networkInterfaces } from 'node:os'

/** Whether a host name or address means this machine: `localhost`, loopback, or the address of an interface. */
export function isThisMachine(host: string): boolean {
  const address = host.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '')
  if (/^localhost\.?$/.test(address) || /^127\./.test(address) || address === '::1') return true
  return Object.values(networkInterfaces()).some((own) => own?.some((one) => one.address === address))
}
