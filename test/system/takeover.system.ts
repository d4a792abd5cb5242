/**
 * A machine that serves with the original, of which this is an imitation (test/support/original.ts), is taken over
 * and given back, by the commands of docs/migration.md.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { byExtent } from '../support/extent.ts'
import { movedFiles, original, writeOriginal } from '../support/original.ts'
import { configTableSql } from '../support/sandbox.ts'
import {
  createDatabase,
  installPackage,
  keyFile,
  mainPid,
  password,
  rowOf,
  setup,
  sql,
  until,
  untilServing,
} from './support/appliance.ts'
import type { Machine } from './support/machine.ts'
import { onOneMachine } from './support/one-machine.ts'
import { Tree } from './support/tree.ts'

const image = 'bookworm'
const key = '564d1e7a-1111-2222-3333-444455556666'
/** In the long form for five minutes. */
const kills = byExtent({ sample: 3, all: 3, long: 15 })
const killEverySeconds = byExtent({ sample: 0, all: 0, long: 20 })

describe(image, () => {
  const promise = onOneMachine(`${image}, taken over`, () => Tree.of(image), { limitMs: 900_000 })

  promise('without consent the original goes on, and what would have to go is named', async ({ machine }) => {
    await provideOssim(machine)
    await installOriginal(machine, '1')
    await machine.output('update-rc.d ossim-framework defaults && systemctl daemon-reload')
    await machine.output("sed -i 's/set daemon .*/set daemon 1/' /etc/monit/monitrc")
    await machine.output(
      `echo 'include /etc/monit/alienvault/*.monitrc' >> /etc/monit/monitrc && systemctl restart monit`,
    )
    await untilAnswering(machine, 'original')
    await installPackage(machine)
    const { code, stderr } = await machine.run(setup)
    assert.equal(code, 4)
    for (const path of movedFiles) assert.ok(stderr.includes(path), `${path} in ${stderr}`)
    assert.equal(await answer(machine), 'original')
  })

  promise('one command takes over, its names are ours, and a second run changes nothing', async ({ machine }) => {
    for (const command of commandsOf('Before')) await machine.output(command)
    assert.equal(await answer(machine), 'original')
    for (const command of commandsOf('During')) await machine.output(command)
    await untilServing(machine)
    assert.equal(await rowOf(machine), key, 'the key is the one that was there')
    assert.equal(await processesOfOriginal(machine), '')
    for (const command of commandsOf('After')) await machine.output(command)
    await untilServing(machine)
    assert.match(await machine.output('systemctl show -P Id ossim-framework'), /^frameworkd\.service$/)
    assert.equal(await machine.output('systemctl is-active ossim-framework'), 'active')
    assert.match(
      await machine.output('logrotate --debug /etc/logrotate.conf 2>&1'),
      /considering log \S+framework-notifications/,
    )
    assert.match(await machine.output(setup), /changed=0 .*failed=0/)
  })

  promise('what the web interface and scripts call restarts ours', async ({ machine }) => {
    for (const command of [
      '/etc/init.d/ossim-framework restart',
      'service ossim-framework restart',
      'invoke-rc.d ossim-framework restart',
    ]) {
      const pid = await mainPid(machine)
      await machine.output(command)
      await untilServing(machine)
      assert.notEqual(await mainPid(machine), pid, command)
    }
    await machine.output('/etc/init.d/ossim-framework stop')
    await machine.output('/etc/init.d/ossim-framework start && /etc/init.d/ossim-framework status')
    await untilServing(machine)
    await machine.output(`start-stop-daemon --status --pidfile ${original.pidfile} --user www-data`)
  })

  promise('killed and stopped again and again beside Monit, only ours comes back', async ({ machine }) => {
    for (let kill = 0; kill < kills; kill += 1) {
      // systemd starts what was killed, Monit what was stopped.
      await machine.output(kill % 2 === 0 ? `kill -KILL ${await mainPid(machine)}` : 'systemctl stop frameworkd')
      await untilOnlyOursAnswers(machine)
      await sleep(killEverySeconds * 1000)
    }
    assert.equal(await processesOfOriginal(machine), '')
  })

  promise(
    "when OSSIM writes Monit's file again, Monit starts ours, and the next run has its own file back",
    async ({ machine }) => {
      writeOriginal({ write: (path, text) => path === original.monit && machine.tree.write(path, text) })
      await machine.output('systemctl reload monit && systemctl stop frameworkd')
      await untilOnlyOursAnswers(machine)
      await machine.output(setup)
      assert.match(machine.tree.read(original.monit), /^# Written by frameworkd-setup/m)
      await machine.output('monit -t')
    },
  )

  promise('an upgrade of the package of the original does not bring it back', async ({ machine }) => {
    await installOriginal(machine, '2')
    assert.match(machine.tree.read(original.initScript), /^# Written by frameworkd-setup/m)
    await machine.output('invoke-rc.d ossim-framework restart')
    await untilOnlyOursAnswers(machine)
    // What else stands in its files is that of the newer version then.
    await machine.output(setup)
    assert.match(await machine.output(setup), /changed=0 .*failed=0/)
  })

  promise('after a reboot ours serves', async ({ machine }) => {
    await machine.reboot()
    await untilOnlyOursAnswers(machine)
    assert.equal(await processesOfOriginal(machine), '')
    assert.match(await machine.output(setup), /changed=0 .*failed=0/)
  })

  promise(
    'after uninstall the original is back, in its newest version, and serves, after a reboot too',
    async ({ machine }) => {
      for (const command of commandsOf('The way back')) await machine.output(command)
      await untilAnswering(machine, 'original')
      assert.equal(await machine.output('dpkg --verify ossim-framework'), '')
      assert.equal(await machine.output('dpkg-divert --list "*ossim-framework*"'), '')
      for (const path of movedFiles) assert.match(machine.tree.read(path), /^# version 2$/m)
      assert.equal(await rowOf(machine), key)
      assert.equal(await machine.output(`sed -n s/^key=//p ${keyFile}`), key)
      await machine.reboot()
      await untilAnswering(machine, 'original')
      assert.equal((await machine.run('systemctl is-active frameworkd')).stdout.trim(), 'inactive')
    },
  )
})

/** What OSSIM's own first boot leaves: settings, table, and the key in its own format. */
async function provideOssim(machine: Machine): Promise<void> {
  await sql(machine, createDatabase, '')
  await sql(machine, `${configTableSql}; INSERT INTO config VALUES ('encryption_key', '${key}')`)
  const lines = [
    'ossim_type=mysql',
    'ossim_host=127.0.0.1',
    'ossim_base=alienvault',
    'ossim_user=ossim',
    `ossim_pass=${password}`,
  ]
  machine.tree.write('/etc/ossim/framework/ossim.conf', `${lines.join('\n')}\n`, 0o640)
  machine.tree.write(keyFile, `[key-value]\nkey=${key}\n`)
  const orders = [
    'groupadd --system alienvault',
    'chown -R www-data:alienvault /etc/ossim/framework',
    `chmod 0440 ${keyFile}`,
  ]
  await machine.output(
    `${orders.join(' && ')}; mkdir -p /var/log/ossim && cd /var/log/ossim && touch ${original.thirdLog} frameworkd.log frameworkd_error.log && chown www-data frameworkd*.log`,
  )
}

/** As a package: dpkg knows whose the files are. */
async function installOriginal(machine: Machine, version: string): Promise<void> {
  writeOriginal({
    write: (path, text, mode) => machine.tree.write(`/root/original${path}`, `${text}# version ${version}\n`, mode),
  })
  const about = `Package: ossim-framework\nVersion: ${version}\nArchitecture: all\nMaintainer: nobody <n@example.org>\n`
  machine.tree.write('/root/original/DEBIAN/control', `${about}Description: an imitation for tests\n`)
  machine.tree.write('/root/original/DEBIAN/conffiles', movedFiles.map((path) => `${path}\n`).join(''))
  await machine.output(
    'dpkg-deb --build /root/original /root/original.deb && dpkg --install --force-confnew /root/original.deb',
  )
}

/** What a page of docs/migration.md tells to run. */
function commandsOf(section: string): string[] {
  const page = readFileSync('docs/migration.md', 'utf8')
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? ''
  const commands = [...text.matchAll(/^```\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.trim().split('\n'))
  assert.notEqual(commands.length, 0, section)
  return commands
}

/** Who serves the port: the imitation answers with its name. */
async function answer(machine: Machine): Promise<string> {
  const ask = 'exec 3<>/dev/tcp/127.0.0.1/40003 && echo ping >&3 && head -n 1 <&3'
  return (await machine.run(`timeout 5 bash -c '${ask}' 2>/dev/null`)).stdout.trim()
}

async function untilAnswering(machine: Machine, who: string): Promise<void> {
  await until(`${who} answers`, async () => (await answer(machine)) === who)
}

async function untilOnlyOursAnswers(machine: Machine): Promise<void> {
  await until('ours answers', async () => {
    const who = await answer(machine)
    assert.notEqual(who, 'original')
    return who === 'pong'
  })
}

async function processesOfOriginal(machine: Machine): Promise<string> {
  return (await machine.run(`pgrep --full --list-full '^/usr/bin/perl ${original.program}'`)).stdout.trim()
}
