import { execFileSync } from 'node:child_process'
import type { PrivateNetwork } from '../../support/network.ts'

/** What connects a network to a bridge. */
export interface Cable {
  /** From now on nothing crosses it, and nobody is told. */
  pull(): void
  plugIn(): void
}

/** A network that machines can be connected to. It is the run's own and ends with it. */
export class Bridge implements Disposable {
  readonly name: string
  readonly #subnet: number

  /** @param subnet from 0 to 255 */
  constructor(subnet: number) {
    this.name = `frameworkd${subnet}`
    this.#subnet = subnet
    ip('link', 'add', 'name', this.name, 'type', 'bridge')
    ip('link', 'set', this.name, 'up')
  }

  address(host: number): string {
    return `10.77.${this.#subnet}.${host}`
  }

  /** Gives this side of it an address, for what reaches the machines from here. */
  join(host: number): void {
    ip('address', 'add', `${this.address(host)}/24`, 'dev', this.name)
  }

  /** Connects a network, which gets an address here. */
  connect(network: PrivateNetwork, host: number): Cable {
    const [port, device] = [`${this.name}p${host}`, `${this.name}n${host}`]
    ip('link', 'add', 'name', port, 'type', 'veth', 'peer', 'name', device)
    ip('link', 'set', port, 'master', this.name)
    network.adopt(device)
    network.run('ip', 'address', 'add', `${this.address(host)}/24`, 'dev', device)
    network.run('ip', 'link', 'set', device, 'up')
    const cable: Cable = {
      pull: () => ip('link', 'set', port, 'down'),
      plugIn: () => ip('link', 'set', port, 'up'),
    }
    cable.plugIn()
    return cable
  }

  [Symbol.dispose](): void {
    ip('link', 'delete', this.name)
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args)
}
