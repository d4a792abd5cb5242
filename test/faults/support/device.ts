/** A file system of its own, in a file, whose power can be cut: what was not synced is lost. */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An ext4 file system in a file that promises least: data has no order, and a rename flushes nothing. */
class Device implements Disposable {
  readonly folder: string
  readonly mountPoint: string

  constructor(folder: string) {
    this.folder = folder
    this.mountPoint = join(folder, 'mounted')
    mkdirSync(this.mountPoint, { recursive: true })
    execFileSync('truncate', ['-s', '24M', this.#image('live')])
    execFileSync('mkfs.ext4', ['-q', this.#image('live')])
    this.#mount('live')
  }

  /** Everything that was written so far reaches the device. */
  sync(): void {
    execFileSync('sync', ['-f', this.mountPoint])
  }

  /** What a power cut now would leave takes the place of what is mounted. */
  cutPower(): void {
    copyFileSync(this.#image('live'), this.#image('cut'))
    execFileSync('umount', [this.mountPoint])
    this.#mount('cut')
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.mountPoint])
    rmSync(this.folder, { recursive: true })
  }

  #mount(name: string): void {
    execFileSync('mount', ['-o', 'loop,data=writeback,noauto_da_alloc,commit=300', this.#image(name), this.mountPoint])
    chmodSync(this.mountPoint, 0o755)
  }

  #image(name: string): string {
    return join(this.folder, `${name}.img`)
  }
}

function makeDevice(): Device {
  return new Device(mkdtempSync(join(devices, 'frameworkd-device-')))
}

/** Sandboxes are made where TMPDIR says: on the device while a test runs. */
const devices = tmpdir()

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false
  try {
    makeDevice()[Symbol.dispose]()
    return true
  } catch {
    return false
  }
}

/** Why a test that needs one is skipped. */
export const noDevice = !canMount() && 'a loop device cannot be mounted here'

/** Does work with sandboxes that lie on a device. */
export async function onDevice(work: (device: Device) => Promise<void>): Promise<void> {
  using device = makeDevice()
  process.env.TMPDIR = device.mountPoint
  try {
    await work(device)
  } finally {
    process.env.TMPDIR = devices
  }
}
