/** Other programs that look after the same things on the same machine; each has the tasks in its own language. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Subject } from './processes.ts'

interface Peer {
  subject: Subject
  package: string
}

/** How a client of the database logs in on the machine that is looked after. */
export interface Login {
  root: string
  socket: string
  database: string
  password: string
}

/** The peers that are installed; the others are told by the package that they are missing. */
export function findPeers(login: Login, skip: (what: string) => void): Subject[] {
  const found = peersOn(login)
  for (const { subject, package: name } of found) {
    if (!existsSync(subject.command[0])) skip(`${subject.name}: the package ${name} is not installed`)
  }
  return found.map(({ subject }) => subject).filter(({ command }) => existsSync(command[0]))
}

/** Installs Debian's packages of all peers; nothing of them is started (invoke-rc.d(8)). */
export function installPeers(): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const packages = ['mariadb-server', 'cfengine3', 'puppet', 'ansible-core']
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    execFileSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  }
}

function peersOn({ root, socket, database, password }: Login): Peer[] {
  const login = join(root, 'operator/login.cnf')
  mkdirSync(join(root, 'operator'), { recursive: true })
  const quoted = `"${password.replaceAll(/["\\]/g, '\\$&')}"`
  writeFileSync(login, `[client]\nsocket=${socket}\nuser=${database}\npassword=${quoted}\n`, { mode: 0o600 })
  const facts = { root, login, database }
  const variables = (prefix: string) =>
    Object.fromEntries(Object.entries(facts).map(([name, value]) => [prefix + name, value]))
  const upperCase = Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [`BENCH_${name.toUpperCase()}`, value]),
  )
  return [
    {
      package: 'mariadb-client',
      subject: { name: 'bash and the mariadb client', command: ['/usr/bin/bash', task('sh'), root, login, database] },
    },
    {
      package: 'cfengine3',
      subject: {
        name: 'CFEngine',
        command: ['/usr/bin/cf-agent', '--no-lock', '--file', task('cf')],
        env: upperCase,
      },
    },
    {
      package: 'puppet',
      subject: {
        name: 'Puppet',
        // Ends with 2 where it changes something.
        command: ['/usr/bin/puppet', 'apply', '--detailed-exitcodes', task('pp')],
        env: { ...variables('FACTER_bench_'), HOME: root },
        isSlow: true,
      },
    },
    {
      package: 'ansible-core',
      subject: {
        name: 'Ansible',
        command: [
          '/usr/bin/ansible-playbook',
          ...['--inventory', 'localhost,', '--connection', 'local', '--extra-vars', JSON.stringify(facts), task('yml')],
        ],
        env: { HOME: root },
        isSlow: true,
      },
    },
  ]
}

function task(ending: string): string {
  return fileURLToPath(new URL(`peers/converged.${ending}`, import.meta.url))
}
