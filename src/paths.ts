/**
 * Every path and helper program of the product. Paths are those of the target machine: they are
 * used only by src/host, which puts the root in front of them.
 */
export const paths = {
  /**
   * Settings of both programs; `--config` names another file. Only root can write the folder: OSSIM gives
   * /etc/ossim/framework to the service's account at each reconfiguration.
   */
  settings: '/etc/frameworkd/frameworkd.ini',
  settingsFolder: '/etc/frameworkd',
  /** OSSIM's own settings: lines without sections (OSSIM `OssimConf.py`). */
  ossimConf: '/etc/ossim/framework/ossim.conf',
  /** The appliance's settings, section `[database]`. */
  ossimSetupConf: '/etc/ossim/ossim_setup.conf',
  /** The key file, unless row `frameworkd_keyfile` names another. */
  keyFile: '/etc/ossim/framework/db_encryption_key',
  /** The file of alienvault-system-id; reading it has no side effect, running the program has. */
  systemId: '/etc/alienvault/system-id',
  /** Where alienvault-system-id looks next. */
  centerId: '/etc/alienvault-center/alienvault-center-uuid',
  /** machine-id(5) */
  machineId: '/etc/machine-id',
  dbusMachineId: '/var/lib/dbus/machine-id',
  /** A row may name a key file below this folder. */
  ossimFolder: '/etc/ossim',
  /** A row may name this folder, or one below it, for the logs. */
  logs: '/var/log/ossim',
  state: '/var/lib/frameworkd',
  /** Which machine made the state, as a keyed hash of its id. */
  machineMark: '/var/lib/frameworkd/machine-mark',
  setupState: '/var/lib/frameworkd/setup',
  setupLock: '/var/lib/frameworkd/setup/lock',
  /** Exists once apply has succeeded on this machine; the first-boot unit runs only without it. */
  setupComplete: '/var/lib/frameworkd/setup/complete',
  /** What a run waits for, without the lock. */
  setupWaiting: '/var/lib/frameworkd/setup/waiting.json',
  setupResult: '/var/lib/frameworkd/setup/result.json',
  /** The files that apply installed, with hashes: for uninstall, and to know which ones a person has changed. */
  setupInstalled: '/var/lib/frameworkd/setup/installed.json',
  storeFolder: '/var/lib/frameworkd/store',
  storeFile: '/var/lib/frameworkd/store/config.db',
  run: '/run/frameworkd',
  instanceLock: '/run/frameworkd/lock',
  /** Lock of a daemon that waits for its database; it takes the instance lock only when it may serve. */
  waitingLock: '/run/frameworkd/waiting',
  pidfile: '/run/frameworkd/frameworkd.pid',
  /** Where monit and scripts for the original look; /var/run is a link to /run. */
  oldPidfile: '/run/ossim-framework.pid',
  /** Units of the administrator, and of apply (systemd.unit(5)). */
  units: '/etc/systemd/system',
  /** Units of `systemctl --runtime`, until the next boot. */
  runtimeUnits: '/run/systemd/system',
  wantedByBoot: '/etc/systemd/system/multi-user.target.wants',
  tmpfiles: '/etc/tmpfiles.d/frameworkd.conf',
  initScript: '/etc/init.d/frameworkd',
  logrotate: '/etc/logrotate.d/frameworkd',
  monitFolder: '/etc/monit/conf.d',
  monit: '/etc/monit/conf.d/frameworkd',
  /** Monit's own file, with its password; it includes the others. */
  monitControl: '/etc/monit/monitrc',
  /** The original's init script; the web interface of OSSIM calls it. */
  oldInitScript: '/etc/init.d/ossim-framework',
  oldLogrotate: '/etc/logrotate.d/ossim-framework',
  /** Files of the original that were moved aside, each below this folder at its old path. */
  movedAside: '/var/lib/frameworkd/predecessor',
  /**
   * Files that a person wrote and apply replaced, each below this folder at its old path: beside the new file another
   * program would read them, since it reads every file of that folder.
   */
  replaced: '/var/lib/frameworkd/replaced',
  /** dpkg's list of diversions, three lines each (dpkg-divert(1)). */
  diversions: '/var/lib/dpkg/diversions',
} as const

/** Where packages put their units and tmpfiles; the first is Debian's since the merge of /usr. */
export const packagedUnitFolders = ['/usr/lib/systemd/system', '/lib/systemd/system'] as const
/** dpkg's database of packages: it exists on every machine with dpkg. */
export const packageStatus = '/var/lib/dpkg/status'
export const packagedTmpfiles = '/usr/lib/tmpfiles.d/frameworkd.conf'

/** Folders with files of Monit, besides those that its own file includes: Debian's, and OSSIM's. */
export const monitFolders = ['/etc/monit/conf.d', '/etc/monit/conf-enabled', '/etc/monit/alienvault'] as const

/** Services by their names. */
export const services = {
  daemon: 'frameworkd',
  /** The name of the original's service, for init and Monit. */
  predecessor: 'ossim-framework',
  firstBoot: 'frameworkd-first-boot',
  monit: 'monit',
} as const

/** Where helper programs are looked for: only folders that only root can write, never $PATH. */
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
