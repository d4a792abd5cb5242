/**
 * Every path and helper program of the product. Paths are those of the target machine: whoever
 * uses one goes through src/host, which puts the root in front of it.
 */
export const paths = {
  /**
   * Settings of both programs; `--config` names another. Root's alone: OSSIM gives /etc/ossim/framework to
   * the service's account at each reconfiguration.
   */
  settings: '/etc/frameworkd/frameworkd.ini',
  settingsFolder: '/etc/frameworkd',
  /** OSSIM's own settings: lines without sections (OSSIM `OssimConf.py`). */
  ossimConf: '/etc/ossim/framework/ossim.conf',
  /** The appliance's settings, section `[database]`. */
  ossimSetupConf: '/etc/ossim/ossim_setup.conf',
  /** The key file, unless row `frameworkd_keyfile` names another. */
  keyFile: '/etc/ossim/framework/db_encryption_key',
  /** What alienvault-system-id keeps; reading it has no side effect, running the program has. */
  systemId: '/etc/alienvault/system-id',
  /** Where alienvault-system-id looks next. */
  centerId: '/etc/alienvault-center/alienvault-center-uuid',
  /** machine-id(5) */
  machineId: '/etc/machine-id',
  dbusMachineId: '/var/lib/dbus/machine-id',
  /** Below it a row may name the key file. */
  ossimFolder: '/etc/ossim',
  /** There, or below it, a row may have the logs. */
  logs: '/var/log/ossim',
  state: '/var/lib/frameworkd',
  /** Which machine made the state, as a keyed hash of its id. */
  machineMark: '/var/lib/frameworkd/machine-mark',
  setupState: '/var/lib/frameworkd/setup',
  setupLock: '/var/lib/frameworkd/setup/lock',
  /** There once apply has succeeded on this machine; the first boot is gated on it. */
  setupComplete: '/var/lib/frameworkd/setup/complete',
  /** What a run waits for, without the lock. */
  setupWaiting: '/var/lib/frameworkd/setup/waiting.json',
  setupResult: '/var/lib/frameworkd/setup/result.json',
  /** What apply laid down, with the hashes of it: for uninstall, and to know what a person changed. */
  setupInstalled: '/var/lib/frameworkd/setup/installed.json',
  storeFolder: '/var/lib/frameworkd/store',
  storeFile: '/var/lib/frameworkd/store/config.db',
  run: '/run/frameworkd',
  instanceLock: '/run/frameworkd/lock',
  /** Of a daemon that waits for its database, and has the other lock only once it may serve. */
  waitingLock: '/run/frameworkd/waiting',
  pidfile: '/run/frameworkd/frameworkd.pid',
  /** Where monit and scripts for the original look; /var/run is a link to /run. */
  oldPidfile: '/run/ossim-framework.pid',
  /** Units that an administrator, or apply, puts there (systemd.unit(5)). */
  units: '/etc/systemd/system',
  /** Where `systemctl --runtime` puts them, until the next boot. */
  runtimeUnits: '/run/systemd/system',
  wantedByBoot: '/etc/systemd/system/multi-user.target.wants',
  tmpfiles: '/etc/tmpfiles.d/frameworkd.conf',
  initScript: '/etc/init.d/frameworkd',
  logrotate: '/etc/logrotate.d/frameworkd',
  monitFolder: '/etc/monit/conf.d',
  monit: '/etc/monit/conf.d/frameworkd',
  /** Monit's own file, with its password; it names the others. */
  monitControl: '/etc/monit/monitrc',
  /** The original's init script; the web interface of OSSIM calls it. */
  oldInitScript: '/etc/init.d/ossim-framework',
  oldLogrotate: '/etc/logrotate.d/ossim-framework',
  /** What was the original's and had to go, each below it at the path that it had. */
  movedAside: '/var/lib/frameworkd/predecessor',
  /** What a person wrote in a folder that other programs read whole, and apply replaced: below it at the path that it had. */
  replaced: '/var/lib/frameworkd/replaced',
  /** dpkg's list of files that go elsewhere than their package says: three lines each (dpkg-divert(1)). */
  diversions: '/var/lib/dpkg/diversions',
} as const

/** Where packages put their units and tmpfiles; the first is Debian's since the merge of /usr. */
export const packagedUnitFolders = ['/usr/lib/systemd/system', '/lib/systemd/system'] as const
/** What dpkg knows of packages: there on every machine that has it. */
export const packageStatus = '/var/lib/dpkg/status'
export const packagedTmpfiles = '/usr/lib/tmpfiles.d/frameworkd.conf'

/** Where Monit's files are, besides those that its own file names: Debian's folders, and OSSIM's. */
export const monitFolders = ['/etc/monit/conf.d', '/etc/monit/conf-enabled', '/etc/monit/alienvault'] as const

/** Services by their names. */
export const services = {
  daemon: 'frameworkd',
  /** The original, for init, Monit and who calls them. */
  predecessor: 'ossim-framework',
  firstBoot: 'frameworkd-first-boot',
  monit: 'monit',
} as const

/** Where helper programs are looked for: only places that only root writes, never $PATH. */
export const programFolders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const
/** The same, for programs that look for others. */
export const programPath = programFolders.join(':')

export const programs = {
  systemId: 'alienvault-system-id',
  lock: 'flock',
  copy: 'cp',
  chroot: 'chroot',
  systemctl: 'systemctl',
  updateRc: 'update-rc.d',
  sync: 'sync',
  notify: 'systemd-notify',
  divert: 'dpkg-divert',
  packageQuery: 'dpkg-query',
} as const
