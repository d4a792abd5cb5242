/** The Ansible collection, as `ansible-galaxy collection install` takes it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * @param folder that it is put into
 * @returns the file
 * @throws Error when the collection is not of this version
 */
export function buildCollection(folder: string, version: string): string {
  if (!readFileSync('ansible/galaxy.yml', 'utf8').includes(`\nversion: ${version}\n`))
    throw new Error(`ansible/galaxy.yml is not of version ${version}`)
  const home = mkdtempSync(join(tmpdir(), 'frameworkd-ansible-'))
  try {
    execFileSync('ansible-galaxy', ['collection', 'build', 'ansible', '--force', '--output-path', resolve(folder)], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, HOME: home },
    })
  } finally {
    rmSync(home, { recursive: true })
  }
  return join(folder, `frameworkd-ossim-${version}.tar.gz`)
}
