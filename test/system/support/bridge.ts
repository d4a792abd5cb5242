import { execFileSync } from 'node:child_process'

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

  [Symbol.dispose](): void {
    ip('link', 'delete', this.name)
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args)
}
