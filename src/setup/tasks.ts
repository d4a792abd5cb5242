import type { SetupTask } from './machine.ts'
import { database } from './tasks/database.ts'
import { directories } from './tasks/directories.ts'
import { encryptionKey } from './tasks/encryption-key.ts'
import { firstBoot } from './tasks/first-boot.ts'
import { logRotation } from './tasks/log-rotation.ts'
import { monit } from './tasks/monit.ts'
import { predecessor } from './tasks/predecessor.ts'
import { preflight } from './tasks/preflight.ts'
import { service } from './tasks/service.ts'
import { settings } from './tasks/settings.ts'
import { storedValues } from './tasks/stored-values.ts'

/** What this machine should look like, in the order in which it is made. */
export const tasks: readonly SetupTask[] = [
  preflight,
  settings,
  database,
  encryptionKey,
  storedValues,
  directories,
  predecessor,
  service,
  logRotation,
  monit,
  firstBoot,
]
