/**
 * What a systemd knows of what stands in our units. A directive that came later is left out: most systemds
 * ignore it with a warning, but some take it for something else, and then it is worse than nothing.
 */
/** Older than every systemd that we meet. */
const always = 0
const newest = Number.POSITIVE_INFINITY

/**
 * The first systemd whose meaning of a directive, or of one with a certain value, is ours
 * (systemd.unit(5), systemd.service(5), systemd.exec(5), NEWS).
 */
export const knownSince: Readonly<Record<string, number>> = {
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
  // It is 211; but until it can be preserved, it is removed when the service stops, with a lock that another start holds.
  RuntimeDirectory: 235,
  RuntimeDirectoryMode: 235,
  RuntimeDirectoryPreserve: 235,
  StartLimitIntervalSec: 230,
  SystemCallArchitectures: 209,
  SystemCallErrorNumber: 209,
  // It is 187, and groups are 231; but where @system-service (239) is unknown, no call at all is allowed.
  SystemCallFilter: 239,
  TimeoutStartSec: 188,
  TimeoutStopSec: 188,
  'Type=notify': always,
  // Together with Restart=: an older one refuses the whole unit, and takes it for Type=simple without the line.
  'Type=oneshot': 244,
  UMask: always,
  User: always,
  WantedBy: always,
  Wants: always,
  WatchdogSec: always,
}

/**
 * A unit without what a systemd does not know.
 * @param systemd its version; undefined where nobody can tell, and then everything stays
 */
export function unitFor(systemd: number | undefined, unit: string): string {
  return unit
    .split('\n')
    .filter((line) => (sinceWhen(line) ?? always) <= (systemd ?? newest))
    .join('\n')
}

/** Whether a systemd means by a directive what we mean. @param systemd as above */
export function knows(systemd: number | undefined, directive: string): boolean {
  return (knownSince[directive] ?? always) <= (systemd ?? newest)
}

/** Since when a line means what it says; undefined for what is no directive, or one that is not in the table. */
export function sinceWhen(line: string): number | undefined {
  const name = /^([A-Z]\w*)=/.exec(line)?.[1]
  return name === undefined ? undefined : (knownSince[line] ?? knownSince[name])
}
