/**
 * Which directives of our units a version of systemd knows. A directive of a later version is left out: most versions
 * ignore an unknown one with a warning, but some understand it differently, which is worse than without it.
 */
/** For a directive that every systemd knows that we meet. */
const always = 0
const newest = Number.POSITIVE_INFINITY

/**
 * The first version of systemd in which a directive, or a directive with a certain value, has the meaning that our
 * units need (systemd.unit(5), systemd.service(5), systemd.exec(5), NEWS).
 */
export const firstVersions: Readonly<Record<string, number>> = {
  After: always,
  AmbientCapabilities: 229,
  CapabilityBoundingSet: always,
  ConditionPathExists: always,
  Description: always,
  DevicePolicy: 208,
  Documentation: always,
  // With `+` before the program.
  ExecStartPre: 231,
  ExecReload: always,
  ExecStart: always,
  Group: always,
  KeyringMode: 235,
  KillMode: always,
  // Without a path 250: an older one says that, and goes on without it.
  LoadCredential: 247,
  LockPersonality: 235,
  LogRateLimitBurst: 240,
  LogRateLimitIntervalSec: 240,
  NoNewPrivileges: 187,
  NotifyAccess: always,
  PrivateDevices: 209,
  PrivateMounts: 239,
  PrivateTmp: always,
  PrivateUsers: 232,
  ProtectClock: 245,
  ProtectControlGroups: 232,
  ProtectHome: 214,
  ProtectHostname: 242,
  ProtectKernelLogs: 244,
  ProtectKernelModules: 232,
  ProtectKernelTunables: 232,
  ProtectProc: 247,
  ProtectSystem: 232,
  ReadWritePaths: 231,
  RemoveIPC: 232,
  Restart: always,
  RestartPreventExitStatus: 189,
  RestartSec: always,
  RestrictAddressFamilies: 211,
  RestrictNamespaces: 233,
  RestrictRealtime: 231,
  RestrictSUIDSGID: 242,
  // Known since 211. Until RuntimeDirectoryPreserve= came, the folder is removed when the service stops, with a lock
  // that another start holds.
  RuntimeDirectory: 235,
  RuntimeDirectoryMode: 235,
  RuntimeDirectoryPreserve: 235,
  StartLimitIntervalSec: 230,
  SystemCallArchitectures: 209,
  SystemCallErrorNumber: 209,
  // Known since 187, groups of calls since 231. Where group @system-service (239) is unknown, no call at all is
  // allowed.
  SystemCallFilter: 239,
  TimeoutStartSec: 188,
  TimeoutStopSec: 188,
  'Type=notify': always,
  // Together with Restart=: an older version refuses the whole unit; without the line it is Type=simple there.
  'Type=oneshot': 244,
  UMask: always,
  User: always,
  WantedBy: always,
  Wants: always,
  WatchdogSec: always,
}

/**
 * A unit without the directives that a version of systemd does not know.
 * @param systemd the version; undefined where it is not known, and then every line stays
 */
export function withoutUnknownDirectives(systemd: number | undefined, unit: string): string {
  return unit
    .split('\n')
    .filter((line) => (firstVersionOf(line) ?? always) <= (systemd ?? newest))
    .join('\n')
}

/** Whether a directive has the meaning that we need. @param systemd as above */
export function knowsDirective(systemd: number | undefined, directive: string): boolean {
  return (firstVersions[directive] ?? always) <= (systemd ?? newest)
}

/** The first version for a line of a unit; undefined for a line without a directive, or with one that is not listed. */
export function firstVersionOf(line: string): number | undefined {
  const name = /^([A-Z]\w*)=/.exec(line)?.[1]
  return name === undefined ? undefined : (firstVersions[line] ?? firstVersions[name])
}
