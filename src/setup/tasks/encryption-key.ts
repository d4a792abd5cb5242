/**
 * Makes file and row hold the same key, which is not disproved. key/reconcile.ts decides; this file carries the
 * decision out, in the order that key-writer.ts describes.
 */
import type { Plan } from '../../engine/task.ts'
import type { Key } from '../../key/key.ts'
import type { KeyOrigin } from '../../key/key-file.ts'
import type { Decision, Proof } from '../../key/reconcile.ts'
import { decideOn, disprovedWarning, examine, inspectKey, type KeyInspection } from '../../keycheck/inspect.ts'
import { askSystemId, makeKey, type NewKey, readSystemId } from '../../keycheck/key-source.ts'
import { requireNoKeyElsewhere } from '../../keycheck/other-servers.ts'
import { claimedByAnother, describeAdoption, explainRefusal, keyLost } from '../../keycheck/refusal.ts'
import { programs, services } from '../../paths.ts'
import type { Settings } from '../../settings/resolve.ts'
import type { ConfigRows, ConfigStore } from '../../store/config-store.ts'
import { foreignText } from '../../text/printable.ts'
import { describeKept } from '../kept-keys.ts'
import { KeyWriter } from '../key-writer.ts'
import type { Machine, SetupTask } from '../machine.ts'

export const encryptionKey: SetupTask = {
  name: 'encryption-key',
  title: 'Reconcile the encryption key',
  tags: ['key', 'identity'],
  async plan(machine) {
    if (machine.request.forImage) return { outcome: 'deferred', summary: 'left to the first boot' }
    const { restore } = machine.request
    if (restore) {
      const { planImport } = await import('../import-key.ts')
      return planImport({ candidate: restore, force: false }, machine)
    }
    const store = await machine.store()
    if (machine.createsSchema && !(await store.schema()).table) return planBeforeSchema(machine)
    const { settings, seen, decision } = await decideOnCurrentRow(machine, store)
    // A stranger's file must not put its key into the row either.
    machine.host.files.requireOurs(settings.keyFile, machine.owner)
    // So check mode reports a conflict, too. key-writer.ts checks again before it writes.
    if (decision.kind === 'generate') await requireNoKeyElsewhere(store, undefined)
    if (decision.kind === 'claim-row') await requireNoKeyElsewhere(store, decision.key)
    return new KeyReconciliation(machine, settings, store, seen, otherPlaceWarning(await store.rows(), settings)).plan()
  },
}

interface DecisionOnRow {
  settings: Settings
  seen: KeyInspection
  decision: Decision
}

/**
 * Inspects both sides and decides; once more where an old row could have led to the decision, on a Galera node that is
 * behind the others.
 */
async function decideOnCurrentRow(machine: Machine, store: ConfigStore): Promise<DecisionOnRow> {
  const decide = async () => {
    // The path that a row names is checked first: a wrong one is a wrong setting, whatever is there.
    const settings = await machine.settingsWithRows()
    const seen = await inspectKey(settings, machine.host, store)
    return { settings, seen, decision: decideOn(seen, machine.request.adopt) }
  }
  const first = await decide()
  const mayBeOld = ['refuse', 'recover', 'copy-to-file'].includes(first.decision.kind)
  return mayBeOld && (await store.catchUp()) ? await decide() : first
}

/** A warning where frameworkd.ini names another key file than the row: OSSIM's own programs only read the row. */
function otherPlaceWarning(rows: ConfigRows, { keyFile, sources }: Settings): string[] {
  const named = rows.get('frameworkd_keyfile')?.toString('utf8')
  if (!named || named === keyFile) return []
  const hint = `set row frameworkd_keyfile of table config to it, or remove it from ${sources.keyFile}`
  return [`OSSIM's own programs read the key from ${foreignText(named)} and not from ${keyFile}; ${hint}`]
}

/** The plan of check mode before the table is made: there are no rows yet, and only the file decides. */
function planBeforeSchema({ host, settings }: Machine): Plan {
  const there = host.files.stat(settings.keyFile) !== undefined
  const summary = there
    ? `put the key of ${settings.keyFile} into the new table`
    : `make the first key, in row and ${settings.keyFile}`
  return {
    outcome: 'change',
    summary,
    async apply() {
      throw new Error('the table is made before this task')
    },
  }
}

/** Plans and carries out the decision for one inspection of file, row and stored values. */
class KeyReconciliation {
  readonly #machine: Machine
  readonly #settings: Settings
  readonly #store: ConfigStore
  readonly #seen: KeyInspection
  readonly #writer: KeyWriter
  /** Warnings of the plan, and those that `apply` adds. */
  readonly #warnings: string[]

  constructor(machine: Machine, settings: Settings, store: ConfigStore, seen: KeyInspection, warnings: string[]) {
    this.#warnings = warnings
    this.#machine = machine
    this.#settings = settings
    this.#store = store
    this.#seen = seen
    this.#writer = new KeyWriter(machine, store, seen)
  }

  plan(): Plan {
    const { adopt } = this.#machine.request
    const needsHuman = ['refuse', 'recover'].includes(decideOn(this.#seen).kind)
    if (adopt !== undefined && needsHuman) this.#warnings.unshift(describeAdoption(adopt, this.#seen))
    const plan = this.#planDecision()
    if (adopt === undefined || needsHuman) return plan
    return { ...plan, summary: `${plan.summary}; there was nothing to decide for --adopt` }
  }

  #planDecision(): Plan {
    const decision = decideOn(this.#seen, this.#machine.request.adopt)
    const { path } = this.#seen
    switch (decision.kind) {
      case 'refuse':
        throw explainRefusal(decision.refusal, this.#seen)
      case 'keep':
        return this.#planKeep(decision)
      case 'copy-to-file':
        return this.#change(summaryOfCopy(path, decision), decision.key, () => this.#copyToFile(decision))
      case 'claim-row':
        return this.#change(`put key ${decision.key.fingerprint} of ${path} into the row`, decision.key, () =>
          this.#claimRow(decision.key),
        )
      case 'copy-to-row':
        return this.#change(`replace the row's value by key ${decision.key.fingerprint} of ${path}`, decision.key, () =>
          this.#copyToRow(decision),
        )
      case 'generate':
        return this.#change(`make a new key in row and ${path}`, undefined, () => this.#generate())
      case 'replace-both':
        return this.#change(`make a new key over what row and ${path} hold`, undefined, () => this.#replaceBoth())
      case 'recover':
        return this.#planRecovery(decision.acceptLoss)
    }
  }

  #planRecovery(acceptLoss: boolean): Plan {
    const { host } = this.#machine
    const possible = readSystemId(host) !== undefined || host.commands.find(programs.systemId) !== undefined
    if (!possible && !acceptLoss) throw keyLost(this.#seen, `there is no ${programs.systemId} to try`)
    const summary = acceptLoss
      ? 'restore the key from the system id if that is proven, else make a new one'
      : 'restore the key from the system id, if that is proven'
    return this.#change(summary, undefined, () => this.#recover(acceptLoss))
  }

  #planKeep({ key, disproved }: Extract<Decision, { kind: 'keep' }>): Plan {
    return this.#writer.planRepair(key, [
      ...this.#warnings,
      ...(disproved ? [disprovedWarning(key, this.#seen.proof)] : []),
    ])
  }

  #change(summary: string, key: Key | undefined, apply: () => Promise<void>): Plan {
    return {
      outcome: 'change',
      summary,
      diff: [this.#writer.diff(key)],
      warnings: this.#warnings,
      restarts: services.daemon,
      apply: async () => {
        await apply()
        const { path, proof } = this.#seen
        for (const kept of this.#writer.kept) this.#warnings.push(describeKept(kept, path, proof, this.#machine.host))
      },
    }
  }

  async #copyToFile({ key, aside }: Extract<Decision, { kind: 'copy-to-file' }>): Promise<void> {
    if (aside) this.#writer.keepFileAside(aside)
    this.#writer.writeFile(key, 'database')
  }

  async #claimRow(key: Key): Promise<void> {
    const winner = await this.#writer.claimRow(key)
    if (winner.kind !== 'good' || !winner.key.equals(key)) throw claimedByAnother(this.#seen)
    this.#writer.repairFile()
  }

  async #copyToRow({ key, aside }: Extract<Decision, { kind: 'copy-to-row' }>): Promise<void> {
    this.#writer.keepRowAside(aside)
    await this.#writer.replaceRow(key)
    this.#writer.repairFile()
  }

  async #generate(): Promise<void> {
    const made = await this.#makeKey()
    await this.#claimAndWrite(made.key, made.origin)
  }

  async #makeKey(): Promise<NewKey> {
    const made = await makeKey(this.#settings.keySource, this.#machine.host, this.#machine.signal)
    if (made.warning !== undefined) this.#warnings.push(made.warning)
    return made
  }

  async #recover(acceptLoss: boolean): Promise<void> {
    const { host, signal } = this.#machine
    const onDisk = readSystemId(host)
    const asked = onDisk ? { key: onDisk } : await askSystemId(host, signal)
    const candidates = asked.key ? [asked.key.inUpperCase(), asked.key.inLowerCase()] : []
    const proof = await examine(this.#store, candidates)
    const proven = candidates.find((key) => proof.verdictOn(key) === 'proven')
    if (proven) return this.#claimAndWrite(proven, 'system-id')
    if (acceptLoss) return this.#generate()
    throw keyLost(
      this.#seen,
      asked.key === undefined ? asked.problem : `the system id decrypts ${proof.countsOf(nearest(asked.key, proof))}`,
    )
  }

  async #replaceBoth(): Promise<void> {
    const { file, row, rowBytes } = this.#seen
    const made = await this.#makeKey()
    if (file.kind !== 'absent') this.#writer.keepFileAside(file.kind === 'damaged' ? 'damaged' : 'replaced')
    if (rowBytes.length === 0) return this.#claimAndWrite(made.key, made.origin)
    this.#writer.keepRowAside(row.kind === 'damaged' ? 'damaged' : 'replaced')
    await this.#writer.replaceRow(made.key)
    this.#writer.writeFile(made.key, made.origin)
  }

  /** The row decides among machines: a machine that was too late writes the winner's key into its file. */
  async #claimAndWrite(key: Key, origin: KeyOrigin): Promise<void> {
    const winner = await this.#writer.claimRow(key)
    if (winner.kind !== 'good') throw claimedByAnother(this.#seen)
    this.#writer.writeFile(winner.key, winner.key.equals(key) ? origin : 'database')
  }
}

/** The system id in the letter case that decrypts something, if one does. */
function nearest(key: Key, proof: Proof): Key {
  const lower = key.inLowerCase()
  return proof.verdictOn(lower) === 'disproved' ? key.inUpperCase() : lower
}

function summaryOfCopy(path: string, { key, superseded }: Extract<Decision, { kind: 'copy-to-file' }>): string {
  if (!superseded) return `write ${path} with key ${key.fingerprint} of the row`
  return `bring ${path} forward to key ${key.fingerprint} of the row, which has replaced its key ${superseded.fingerprint} in a rotation`
}
