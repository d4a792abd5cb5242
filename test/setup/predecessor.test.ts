/** Taking over from the original below a root, with an imitation of its files. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, lchownSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { isPredecessor } from '../../src/setup/predecessor/process.ts'
import { leftOut } from '../support/extent.ts'
import { movedFiles, original, runlevelLinks, writeOriginal } from '../support/original.ts'
import { PackageRoot } from '../support/package-root.ts'
import { type Ended, run } from '../support/programs.ts'
import { Console, enter } from '../support/pty.ts'
import { Sandbox } from '../support/sandbox.ts'
import { installInit, isMissing, link, linkTarget, notRoot } from '../support/services.ts'

const alias = '/etc/systemd/system/ossim-framework.service'
const aside = '/var/lib/frameworkd/predecessor'
const takeOver = ['--take-over', '--tags', 'service,files']

for (const init of ['systemd', 'sysv'] as const) {
  test(`${init}: without consent nothing is done, and every path that would have to go is named`, {
    skip: init === 'sysv' && leftOut,
  }, async () => {
    await using sandbox = await machineWith(init)
    const before = sandbox.tree()
    const { code, stderr } = await sandbox.setup()
    assert.equal(code, 4)
    for (const path of [...movedFiles, ...runlevelLinks]) assert.ok(stderr.includes(path), `${path} in ${stderr}`)
    assert.match(
      stderr,
      /^frameworkd-setup: predecessor: .*\nhint: .*--take-over; .*: --ignore-preflight predecessor\n$/,
    )
    assert.equal(sandbox.tree(), before)
  })

  test(`${init}: taken over, what started the original is aside, its names are ours, and it is not asked again`, async () => {
    await using sandbox = await machineWith(init)
    const texts = movedFiles.map((path) => sandbox.read(path))
    const { code, stdout, stderr } = await sandbox.setup(['--take-over'])
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stdout, /was not as frameworkd-setup had written it/)
    assert.deepEqual(
      movedFiles.map((path) => sandbox.read(`${aside}${path}`)),
      texts,
    )
    for (const path of runlevelLinks) {
      assert.equal(isThere(sandbox, path), false, path)
      assert.equal(linkTarget(sandbox, `${aside}${path}`), '../init.d/ossim-framework')
    }
    assert.match(sandbox.read(original.initScript), /^# Written by frameworkd-setup/m)
    assert.equal(sandbox.mode(original.initScript), '755')
    if (init === 'systemd') assert.equal(linkTarget(sandbox, alias), '/etc/systemd/system/frameworkd.service')
    const before = sandbox.tree()
    const second = await sandbox.setup()
    assert.match(second.stdout, /changed=0 /, second.stderr)
    assert.equal(sandbox.tree(), before)
  })

  test(`${init}: check mode shows what would go and what comes, and changes nothing`, {
    skip: init === 'sysv' && leftOut,
  }, async () => {
    await using sandbox = await machineWith(init)
    const before = sandbox.tree()
    const { code, stdout } = await sandbox.setup(['--take-over', '--check', '--diff', '--detailed-exitcode'])
    assert.equal(code, 5)
    for (const path of movedFiles) assert.ok(stdout.includes(`--- ${path}`), path)
    assert.match(stdout, /^\+# Written by frameworkd-setup, in place of the original's script/m)
    assert.doesNotMatch(stdout, /was not as frameworkd-setup had written it/)
    assert.equal(sandbox.tree(), before)
    const applied = await sandbox.setup(['--take-over'])
    const counted = (text: string, word: string) => /(\d+)/.exec(new RegExp(`${word}=\\d+`).exec(text)?.[0] ?? '')?.[0]
    assert.equal(counted(stdout, 'pending'), counted(applied.stdout, 'changed'), 'it was what apply then did')
  })

  test(`${init}: uninstall puts every byte, mode and link of it back`, {
    skip: init === 'sysv' && leftOut,
  }, async () => {
    await using sandbox = await machineWith(init)
    sandbox.write('/etc/systemd/system/ossim-framework.service.d/nice.conf', '[Service]\nNice=5\n')
    sandbox.write('/lib/systemd/system/ossim-framework.service', '[Service]\nExecStart=/bin/true\n')
    link(
      sandbox,
      '/etc/systemd/system/multi-user.target.wants/ossim-framework.service',
      '/lib/systemd/system/ossim-framework.service',
    )
    chmodSync(sandbox.path(original.monit), 0o600)
    const before = originalTree(sandbox)
    assert.equal((await sandbox.setup(['--take-over'])).code, 0)
    assert.notEqual(originalTree(sandbox), before)
    const { code, stdout, stderr } = await uninstall(sandbox)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /warning: ossim-framework is back as it was, and not started/)
    assert.equal(originalTree(sandbox), before)
    assert.equal(isThere(sandbox, aside), false)
    assert.match((await uninstall(sandbox)).stdout, /changed=0/)
    assert.equal((await sandbox.setup()).code, 4, 'it has to be agreed to anew')
  })
}

test('a take-over without its task is refused, and nothing is written over what that task has not moved', {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWith('systemd')
  const untouched = sandbox.tree()
  for (const choice of [
    ['--tags', 'files'],
    ['--skip-tags', 'service'],
    ['--start-at-task', 'monit'],
  ]) {
    const { code, stderr } = await sandbox.setup(['--take-over', ...choice])
    assert.equal(code, 2, stderr)
    assert.match(stderr, /--take-over: task predecessor does not take part\nhint: /)
  }
  assert.equal(sandbox.tree(), untouched)
  const files = [original.monit, original.logrotate]
  const texts = files.map((path) => sandbox.read(path))
  assert.equal((await sandbox.setup(['--take-over'])).code, 0)
  // OSSIM writes its own again.
  for (const [index, path] of files.entries()) writeFileSync(sandbox.path(path), texts[index] ?? '')
  const { code, stdout, stderr } = await sandbox.setup(['--start-at-task', 'log-rotation'])
  assert.equal(code, 0, stderr)
  assert.deepEqual(
    files.map((path) => sandbox.read(path)),
    texts,
  )
  for (const path of files) assert.match(stdout, new RegExp(`deferred .*${path}: task predecessor has to move it`))
})

test('other statements of the file of Monit stay where they are, and OSSIM may write its own again', {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWith('systemd')
  const entry = sandbox.read(original.monit)
  assert.equal((await sandbox.setup(['--take-over'])).code, 0)
  const text = sandbox.read(original.monit)
  assert.match(text, /^check process ossim-framework with pidfile \/run\/frameworkd\/frameworkd\.pid$/m)
  assert.match(text, /^check file ossim-framework-settings with path \/etc\/passwd$/m)
  assert.doesNotMatch(text, /init\.d\/ossim-framework/)
  assert.equal(isThere(sandbox, '/etc/monit/conf.d/frameworkd'), false)
  // As alienvault-reconfig does with files of Monit.
  writeFileSync(sandbox.path(original.monit), entry)
  const again = await sandbox.setup()
  assert.equal(again.code, 0, again.stderr)
  assert.equal(sandbox.read(original.monit), text)
})

test("the file of Monit that takes the original's place is one that Monit reads", {
  skip: leftOut || isMissing('monit'),
}, async () => {
  await using sandbox = await machineWith('systemd')
  sandbox.write('/etc/monit/monitrc', `set daemon 5\ninclude ${sandbox.root}/etc/monit/alienvault/*.monitrc\n`, 0o600)
  assert.equal((await sandbox.setup(['--take-over'])).code, 0)
  const said = spawnSync('monit', ['-t', '-c', sandbox.path('/etc/monit/monitrc')], { encoding: 'utf8' })
  assert.equal(said.status, 0, `${said.stdout}${said.stderr}`)
})

test('a check that a link includes, or that another file names, goes too', { skip: leftOut }, async () => {
  await using sandbox = await machineWith('systemd')
  rmSync(sandbox.path(original.monit))
  const check = 'check process "ossim-framework" with pidfile /var/run/ossim-framework.pid\n'
  sandbox.write('/etc/monit/conf-available/framework', check)
  link(sandbox, '/etc/monit/conf-enabled/framework', '../conf-available/framework')
  sandbox.write('/etc/monit/monitrc', 'include /etc/monit/site/*.conf\n', 0o600)
  sandbox.write('/etc/monit/site/mine.conf', `${check}check system machine\n`)
  assert.equal((await sandbox.setup(['--take-over'])).code, 0)
  assert.equal(linkTarget(sandbox, `${aside}/etc/monit/conf-enabled/framework`), '../conf-available/framework')
  const checks = ['/etc/monit/conf-enabled/framework', '/etc/monit/site/mine.conf'].map((path) => sandbox.read(path))
  assert.equal(checks.join('').match(/^check process/gm)?.length, 1, checks.join(''))
  assert.match(checks.join(''), /^check system machine$/m)
  assert.equal((await uninstall(sandbox)).code, 0)
  assert.equal(linkTarget(sandbox, '/etc/monit/conf-enabled/framework'), '../conf-available/framework')
})

test('a check in a folder that is a link of root to another place is found', { skip: leftOut }, async () => {
  await using sandbox = await machineWith('systemd')
  rmSync(sandbox.path(original.monit))
  link(sandbox, '/etc/monit/conf-enabled', 'site')
  sandbox.write('/etc/monit/site/mine', 'check process ossim-framework with pidfile /var/run/ossim-framework.pid\n')
  const run = await sandbox.setup()
  assert.equal(run.code, 4, run.stderr)
  assert.match(run.stderr, /\/etc\/monit\/conf-enabled\/mine/)
})

test('a file with two names is moved once, and what another account could have put below a link is passed over', {
  skip: leftOut || notRoot,
}, async () => {
  await using sandbox = await machineWith('systemd')
  rmSync(sandbox.path(original.monit))
  const check = 'check process ossim-framework with pidfile /var/run/ossim-framework.pid\n'
  sandbox.write('/etc/monit/conf-enabled/mine', check)
  rmSync(sandbox.path('/etc/monit/conf.d'), { recursive: true })
  link(sandbox, '/etc/monit/conf.d', 'conf-enabled')
  sandbox.write('/srv/site/other', check)
  link(sandbox, '/srv/link', 'site')
  lchownSync(sandbox.path('/srv/link'), 4242, 4242)
  sandbox.write('/etc/monit/monitrc', 'include /srv/link/*\n', 0o600)
  const run = await sandbox.setup()
  assert.equal(run.code, 4, run.stderr)
  assert.deepEqual(run.stderr.match(/\/\S+\/(?:mine|other)\b/g), ['/etc/monit/conf.d/mine'])
})

test("when the original's package is purged, nothing of ours stays in the place of its files but the script", {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWith('systemd')
  assert.equal((await sandbox.setup(['--take-over'])).code, 0)
  for (const path of movedFiles) rmSync(sandbox.path(`${aside}${path}`))
  assert.equal((await sandbox.setup()).code, 0)
  assert.deepEqual(
    [original.monit, original.logrotate].filter((path) => isThere(sandbox, path)),
    [],
  )
  assert.match(sandbox.read('/etc/monit/conf.d/frameworkd'), /^check process frameworkd /m)
  assert.match((await sandbox.setup()).stdout, /changed=0/)
})

test("no secret of the original's files is in a diff, neither as it was nor as it will be", {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWith('systemd')
  const secrets = [
    'set mailserver localhost username "u" password "hush1"',
    'check program a with path "/usr/bin/mysql --password=hush2"',
    'check program b with path "/usr/bin/mysql --password hush3"',
    'set httpd port 2812',
    '    allow admin:hush4',
  ]
  sandbox.write(original.monit, `${sandbox.read(original.monit)}${secrets.join('\n')}\n`)
  const { code, stdout } = await sandbox.setup(['--take-over', '--diff'])
  assert.equal(code, 0)
  assert.match(stdout, /^\+set mailserver localhost username "u" password \[hidden\]$/m)
  assert.doesNotMatch(stdout, /hush/)
  for (const line of secrets) assert.ok(sandbox.read(original.monit).includes(line), line)
})

test('files that were moved aside are closed to others, also where an older take-over left them open', {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWith('systemd')
  assert.equal((await sandbox.setup(['--take-over'])).code, 0)
  assert.equal(sandbox.mode(aside), '700')
  chmodSync(sandbox.path(aside), 0o755)
  assert.match((await sandbox.setup()).stdout, /changed +predecessor +close \S+\/predecessor to others/)
  assert.equal(sandbox.mode(aside), '700')
  assert.match((await sandbox.setup()).stdout, /changed=0/)
})

test("a check in Monit's own file is left to a person, and named", { skip: leftOut }, async () => {
  await using sandbox = await machineWith('systemd')
  sandbox.write(
    '/etc/monit/monitrc',
    'set httpd port 2812 allow admin:hush\ncheck process ossim-framework matching x\n',
    0o600,
  )
  const { code, stderr } = await sandbox.setup(['--take-over'])
  assert.equal(code, 4)
  assert.match(stderr, /predecessor: \/etc\/monit\/monitrc itself has a check/)
  assert.doesNotMatch(stderr, /hush/)
})

test('a third log goes on being rotated, and no log is named twice', {
  skip: leftOut || isMissing('logrotate') || notRoot,
}, async () => {
  await using sandbox = await machineWith('systemd')
  for (const name of ['frameworkd.log', 'frameworkd_error.log', 'framework-notifications.log'])
    sandbox.write(`/var/log/ossim/${name}`, 'line\n')
  assert.equal((await sandbox.setup(['--take-over'])).code, 0)
  const ours = ['frameworkd', 'ossim-framework'].map((name) => sandbox.path(`/etc/logrotate.d/${name}`))
  for (const path of ours) {
    const text = readFileSync(path, 'utf8').replaceAll('/var/log/ossim', sandbox.path('/var/log/ossim'))
    writeFileSync(path, text.replace(/^ *su .*\n/m, ''))
  }
  const said = spawnSync('logrotate', ['--debug', ...ours], { encoding: 'utf8' })
  assert.equal(said.status, 0, said.stderr)
  assert.match(said.stderr, /considering log \S+framework-notifications\.log/)
  assert.doesNotMatch(said.stderr, /^error|duplicate/m)
})

test('where a pattern matches our logs and others, the others go on being rotated, with a warning', {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWith('systemd')
  sandbox.write('/var/log/ossim/framework-other.log', 'line\n')
  sandbox.write('/var/log/ossim/frameworkd.log', 'line\n')
  sandbox.write(original.logrotate, '"/var/log/ossim/*.log" {\n    weekly\n}\n')
  const { code, stdout } = await sandbox.setup(['--take-over'])
  assert.equal(code, 0)
  assert.match(sandbox.read(original.logrotate), /^"\/var\/log\/ossim\/framework-other\.log"\n\{$/m)
  assert.doesNotMatch(sandbox.read(original.logrotate), /frameworkd\.log/)
  assert.match(stdout, /warning: .*\/var\/log\/ossim\/\*\.log matches today/)
})

test('where a folder of a pattern has wildcards, too, the other logs go on being rotated; where there are none today, a warning says so', {
  skip: leftOut,
}, async () => {
  for (const others of [['/var/log/other/a.log'], []]) {
    await using sandbox = await machineWith('systemd')
    for (const path of ['/var/log/plain', '/var/log/ossim/frameworkd.log', ...others]) sandbox.write(path, 'line\n')
    sandbox.write(original.logrotate, '/var/log/*/*.log {\n    weekly\n}\n')
    const { code, stdout } = await sandbox.setup(['--take-over'])
    assert.equal(code, 0)
    assert.match(stdout, /warning: .*\/var\/log\/\*\/\*\.log .*a new one is not rotated/)
    assert.equal(isThere(sandbox, original.logrotate), others.length > 0)
    if (others.length > 0) assert.match(sandbox.read(original.logrotate), /^"\/var\/log\/other\/a\.log"\n\{$/m)
  }
})

test('a logrotate file with nothing but our logs leaves no file behind', { skip: leftOut }, async () => {
  await using sandbox = await machineWith('systemd')
  sandbox.write(
    original.logrotate,
    '/var/log/ossim/frameworkd.log\n/var/log/ossim//frameworkd_error.log {\n    weekly\n}\n',
  )
  assert.equal((await sandbox.setup(['--take-over'])).code, 0)
  assert.equal(isThere(sandbox, original.logrotate), false)
  assert.match((await sandbox.setup()).stdout, /changed=0/)
})

test('an image is taken over before it boots, and its first boot is not asked', { skip: leftOut }, async () => {
  await using sandbox = await machineWith('systemd')
  const { code, stdout, stderr } = await sandbox.setup(['--for-image', '--take-over'])
  assert.equal(code, 0, stderr)
  assert.match((await sandbox.setup(['--for-image'])).stdout, /^~ deferred +predecessor /m)
  assert.doesNotMatch(stdout, /warning: .*predecessor/)
  assert.equal((await sandbox.setup()).code, 0)
})

test('a link in the place of a file of the original goes as a link, wherever it leads', { skip: leftOut }, async () => {
  const links = [
    [original.initScript, '/srv/nothing'],
    [original.initScript, '/srv'],
    [original.logrotate, '/srv/canary'],
  ] as const
  for (const [path, target] of links) {
    await using sandbox = await machineWith('systemd')
    sandbox.write('/srv/canary', '# whole\n')
    rmSync(sandbox.path(path), { force: true })
    link(sandbox, path, target)
    const unasked = await sandbox.setup()
    assert.equal(unasked.code, 4, unasked.stderr)
    assert.ok(unasked.stderr.includes(path), unasked.stderr)
    assert.equal((await sandbox.setup(['--take-over', '--check'])).code, 0)
    const { code, stderr } = await sandbox.setup(['--take-over'])
    assert.equal(code, 0, stderr)
    assert.equal(linkTarget(sandbox, `${aside}${path}`), target)
    assert.equal(sandbox.read('/srv/canary'), '# whole\n')
    assert.equal((await uninstall(sandbox)).code, 0)
    assert.equal(linkTarget(sandbox, path), target)
  }
})

test('a link in the place where a file of the original is to be kept is refused', { skip: leftOut }, async () => {
  await using sandbox = await machineWith('systemd')
  sandbox.write('/srv/canary', 'whole\n')
  mkdirSync(sandbox.path(`${aside}/etc`), { recursive: true })
  symlinkSync('/srv/canary', sandbox.path(`${aside}/etc/init.d`))
  const { code, stderr } = await sandbox.setup(['--take-over'])
  assert.equal(code, 1, stderr)
  assert.match(stderr, /hint: look at it with: namei/)
  assert.equal(sandbox.read('/srv/canary'), 'whole\n')
})

test('what a person puts in the place of a file of ours is theirs: uninstall keeps both, and says so', {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWith('systemd')
  assert.equal((await sandbox.setup(['--take-over'])).code, 0)
  writeFileSync(sandbox.path(original.initScript), '#!/bin/sh\n# mine\n')
  const { code, stdout } = await uninstall(sandbox)
  assert.equal(code, 0)
  assert.match(sandbox.read(original.initScript), /mine/)
  assert.ok(stdout.includes(`kept: ${aside}${original.initScript}, for there is something else`), stdout)
  assert.ok(isThere(sandbox, `${aside}${original.initScript}`))
})

test('uninstall without its record names what it leaves aside, and with one that makes no sense it stops', {
  skip: leftOut,
}, async () => {
  await using sandbox = await machineWith('systemd')
  assert.equal((await sandbox.setup(['--take-over'])).code, 0)
  const record = '/var/lib/frameworkd/setup/installed.json'
  sandbox.write(record, '{"version":')
  const stopped = await uninstall(sandbox)
  assert.equal(stopped.code, 1)
  assert.match(stopped.stderr, /installed\.json is no JSON\n.*hint: /)
  assert.ok(isThere(sandbox, record))
  rmSync(sandbox.path(record))
  const { code, stdout } = await uninstall(sandbox)
  assert.equal(code, 0)
  for (const path of movedFiles) assert.match(stdout, new RegExp(`kept: .*${aside}${path}`))
})

test('beside --ignore-preflight the original is left as it is', { skip: leftOut }, async () => {
  await using sandbox = await machineWith('systemd')
  const before = originalTree(sandbox)
  const { code, stdout } = await sandbox.setup(['--ignore-preflight', 'predecessor'])
  assert.equal(code, 0)
  assert.match(stdout, /^= ok +predecessor +ossim-framework is left as it is$/m)
  assert.equal(originalTree(sandbox), before)
})

test('the wizard asks first, names what goes, and takes over when the plan is agreed', async () => {
  await using sandbox = await machineWith('systemd')
  const before = sandbox.tree()
  await using shy = new Console(['--root', sandbox.root, ...sandbox.flags])
  await shy.answer(/Take over from it\? \(y\/N\)/, enter)
  assert.equal(await shy.ended(), 130, shy.text)
  for (const path of [...movedFiles, ...runlevelLinks]) assert.ok(shy.text.includes(`  ${path}\n`), path)
  assert.equal(sandbox.tree(), before)

  await using person = new Console(['--root', sandbox.root, ...sandbox.flags, '--owner', 'www-data'])
  await person.answer(/Take over from it\?/, `y${enter}`)
  await person.answer(/Review these values:/, enter)
  await person.until(/pending +predecessor/)
  assert.equal(sandbox.tree(), before)
  await person.answer(/Make these changes\?/, `y${enter}`)
  assert.equal(await person.ended(), 0, person.text)
  assert.ok(isThere(sandbox, `${aside}${original.initScript}`))

  await using other = await machineWith('systemd')
  await using quick = new Console(['--yes', '--root', other.root, ...other.flags])
  assert.equal(await quick.ended(), 4, quick.text)
})

test('files of a package are diverted: its next version does not bring them back, and uninstall has that one', {
  skip: leftOut || notRoot || isMissing('dpkg-divert'),
}, async () => {
  await using sandbox = await machineWith('systemd')
  const packages = new PackageRoot(sandbox)
  packages.install('1')
  const first = packages.setup('--take-over')
  assert.equal(first.status, 0, first.stderr)
  assert.equal(packages.truename(original.initScript), `${aside}${original.initScript}`)
  packages.install('2')
  assert.match(sandbox.read(original.initScript), /^# Written by frameworkd-setup/m)
  assert.equal(packages.setup().status, 0)
  assert.match(packages.setup().stdout, /changed=0/)
  const removed = packages.run('frameworkd-setup', ['uninstall'])
  assert.equal(removed.status, 0, removed.stderr)
  assert.equal(packages.truename(original.initScript), original.initScript)
  for (const path of movedFiles) assert.match(sandbox.read(path), /^# version 2$/m)
})

test('a unit that a package has below /lib is diverted by that name, and comes back', {
  skip: leftOut || notRoot || isMissing('dpkg-divert'),
}, async () => {
  await using sandbox = await machineWith('systemd')
  const packages = new PackageRoot(sandbox)
  const [unit, found] = [
    '/lib/systemd/system/ossim-framework.service',
    '/usr/lib/systemd/system/ossim-framework.service',
  ]
  packages.install('1', { [unit]: '[Service]\nExecStart=/bin/true\n' })
  const first = packages.setup('--take-over')
  assert.equal(first.status, 0, first.stderr)
  assert.equal(packages.truename(unit), `${aside}${found}`)
  assert.equal(isThere(sandbox, found), false)
  assert.match(packages.setup().stdout, /changed=0/)
  packages.install('2', { [unit]: '[Service]\nExecStart=/bin/true\n' })
  assert.equal(isThere(sandbox, found), false)
  const removed = packages.run('frameworkd-setup', ['uninstall'])
  assert.equal(removed.status, 0, removed.stderr)
  assert.equal(packages.truename(unit), unit)
  assert.match(sandbox.read(found), /^# version 2$/m)
})

test('nothing is moved where dpkg does not answer', {
  skip: leftOut || notRoot || isMissing('dpkg-divert'),
}, async () => {
  await using sandbox = await machineWith('systemd')
  const packages = new PackageRoot(sandbox)
  packages.install('1')
  sandbox.write('/var/lib/dpkg/status', 'nonsense\n')
  const { status, stderr } = packages.setup('--take-over')
  assert.equal(status, 1, stderr)
  assert.match(stderr, /dpkg-query: .*\n.*hint: try it: dpkg-query --search /)
  for (const path of movedFiles) assert.match(sandbox.read(path), /^# version 1$/m)
  assert.equal(isThere(sandbox, `${aside}${original.initScript}`), false)
})

test("a command line is the original's by its program or script alone", () => {
  const theirs = [
    '/usr/bin/ossim-framework -d',
    '/usr/bin/python /usr/bin/ossim-framework -d',
    'python2.7 -u -Wignore /usr/share/ossim-framework/ossim-framework.py',
    'python /usr/share/ossim-framework/ossimframework/Framework.py -d',
    '/usr/bin/perl /usr/bin/ossim-framework',
  ]
  for (const line of theirs) assert.ok(isPredecessor(line.split(' ')), line)
  const strangers = [
    ['sh', '-c', '/usr/bin/ossim-framework'],
    ['bash', '-lc', '/usr/bin/ossim-framework'],
    ['sh', '-c', 'tail -f /var/log/ossim-framework'],
    ['perl', '-ne', '/ossim-framework'],
    ['python', '-m', '/usr/bin/ossim-framework'],
    ['bash', '--rcfile', '/usr/bin/ossim-framework'],
    ['sh', 'ossim-framework'],
    ['sh', '/root/backup of/ossim-framework'],
    ['python', '/usr/share/ossim-framework/tools/report.py'],
    ['/srv/ossim-framework/bin/other'],
    ['/bin/sh', '/etc/init.d/ossim-framework', 'restart'],
    ['vi', '/usr/bin/ossim-framework'],
    ['python'],
    [],
  ]
  for (const line of strangers) assert.equal(isPredecessor(line), false, line.join(' '))
})

test('run again after it stopped anywhere on its way, it goes on', { skip: leftOut }, async () => {
  await using sandbox = await machineWith('systemd')
  assert.equal((await sandbox.setup(['--take-over'])).code, 0)
  const done = originalTree(sandbox)
  // As an interrupted run leaves it: on record and whole aside, but not gone; and nothing of ours in its place.
  writeFileSync(sandbox.path(original.initScript), sandbox.read(`${aside}${original.initScript}`))
  rmSync(sandbox.path(alias))
  rmSync(sandbox.path(original.monit))
  const { code, stderr } = await sandbox.setup()
  assert.equal(code, 0, stderr)
  assert.equal(originalTree(sandbox), done)
})

test("the script under the original's name is one that dash accepts, with the exit codes of the LSB", async () => {
  await using sandbox = await machineWith('sysv')
  assert.equal((await sandbox.setup(takeOver)).code, 0)
  const script = sandbox.path(original.initScript)
  if (isMissing('shellcheck') === false) {
    const checked = spawnSync('shellcheck', [script], { encoding: 'utf8' })
    assert.equal(checked.status, 0, checked.stdout)
  }
  const text = readFileSync(script, 'utf8').replaceAll('/usr/sbin/frameworkd', sandbox.path('/usr/sbin/frameworkd'))
  writeFileSync(script, text)
  assert.equal(spawnSync(script, ['status']).status, 4)
  assert.equal(spawnSync(script, ['start']).status, 5)
  sandbox.write('/usr/sbin/frameworkd', '#!/bin/sh\necho "asked to $*"\n', 0o755)
  const asked = (word: string) => spawnSync(script, [word], { encoding: 'utf8' })
  for (const word of ['start', 'stop', 'restart', 'reload', 'status'])
    assert.equal(asked(word).stdout, `asked to ${word}\n`)
  assert.equal(asked('force-reload').stdout, 'asked to restart\n')
  assert.equal(asked('nonsense').status, 2)
})

async function machineWith(init: 'systemd' | 'sysv'): Promise<Sandbox> {
  const sandbox = await Sandbox.create('sqlite')
  installInit(sandbox, init)
  sandbox.write('/etc/monit/conf.d/.other', '# not ours\n')
  writeOriginal(sandbox)
  for (const path of runlevelLinks) link(sandbox, path, '../init.d/ossim-framework')
  return sandbox
}

/** All of the tree that has the original's name, or stands where it does. */
function originalTree(sandbox: Sandbox): string {
  return sandbox
    .tree()
    .split('\n')
    .filter((line) => /ossim-framework|avframework/.test(line))
    .map((line) => {
      // Times are those of the copy, and a folder that was emptied stays.
      const [path = '', mode = '', uid = '', gid = '', , ...content] = line.split(' ')
      return [path, mode, uid, gid, ...content].join(' ')
    })
    .join('\n')
}

function uninstall(sandbox: Sandbox): Promise<Ended> {
  return run('frameworkd-setup', ['uninstall', '--root', sandbox.root])
}

function isThere(sandbox: Sandbox, path: string): boolean {
  return lstatSync(sandbox.path(path), { throwIfNoEntry: false }) !== undefined
}
