/**
 * The wizard, for an administrator at a console: asks what no other source gave, shows all of it
 * for review, shows the plan, and asks once. It changes nothing; whoever called it applies.
 */

import { planTasks } from '../../engine/plan-tasks.ts'
import type { TaskResult } from '../../engine/task.ts'
import { KnownError } from '../../errors.ts'
import { resolveAccount } from '../../host/accounts.ts'
import { type Adoption, adoptions } from '../../key/reconcile.ts'
import { byteTextOf } from '../../settings/files/byte-text.ts'
import { whyNotKept } from '../../settings/files/ossim-conf-value.ts'
import type { Machine } from '../../setup/machine.ts'
import { findPredecessor } from '../../setup/predecessor/find.ts'
import { predecessor } from '../../setup/tasks/predecessor.ts'
import { explainPreflight, findFailures, mayTakeOver } from '../../setup/tasks/preflight.ts'
import { tasks } from '../../setup/tasks.ts'
import type { Watch } from '../../store/config-store.ts'
import { usualColumns, withSource } from '../../text/wrap.ts'
import { type RunChoices, WizardDraft } from './draft.ts'
import { connectionNames, questions, refuseValue, storeQuestion, type WizardQuestion } from './questions.ts'
import { type PlanLooks, showPlan } from './show-plan.ts'
import { type Choice, confirm, nameOf, stoppedByPerson, type Terminal } from './terminal.ts'
import { adoptionNames, tellProblem, tellWhatGoes, welcome } from './words.ts'

export interface WizardInput {
  given: RunChoices
  selected(task: { name: string; tags: readonly string[] }): boolean
  /** `--yes`: what has a default is not asked. */
  acceptDefaults: boolean
  /** `--reconfigure`: everything is asked, with what is there as the default. */
  askEverything: boolean
  /** How the plan is shown; with diffs where they were asked for. */
  show: PlanLooks
  signal: AbortSignal
  /** Says what is waited for. */
  watch: Watch
  /** A machine that is only looked at. */
  look(wanted: RunChoices): Machine
}

/** @throws KnownError `interrupted` when the person stops, and what preflight finds before any question */
export async function runWizard(input: WizardInput, terminal: Terminal): Promise<RunChoices> {
  const wizard = new Wizard(input, terminal)
  if (!input.askEverything && (await wizard.isConverged())) return input.given
  const original = await wizard.requirePreflight()
  welcome(terminal)
  if (original.length > 0) await wizard.askToTakeOver(original)
  await wizard.askWhatIsMissing()
  for (;;) {
    await wizard.review()
    if (await wizard.agreeOnPlan()) return wizard.wanted
  }
}

/** Errors that only a human can decide, with `--adopt`. */
const keyErrors: readonly string[] = ['key-conflict', 'key-damaged', 'key-disproved', 'key-lost']

/** A person who stops, or a terminal that has gone. */
const interruptions: readonly string[] = ['interrupted', 'terminated']

class Wizard {
  readonly #input: WizardInput
  readonly #terminal: Terminal
  readonly #draft: WizardDraft

  constructor(input: WizardInput, terminal: Terminal) {
    this.#input = input
    this.#terminal = terminal
    this.#draft = new WizardDraft(input.given)
  }

  get wanted(): RunChoices {
    return this.#draft.wanted
  }

  /** All is as it should be: there is nothing to ask. */
  async isConverged(): Promise<boolean> {
    if (this.#draft.settings.store === undefined) return false
    const { results } = await this.#plan(this.#draft.adopt)
    return results.every(({ outcome }) => ['ok', 'skipped', 'deferred'].includes(outcome))
  }

  /**
   * Reports problems that no answer can solve before the first question.
   * @returns the files of the original that would be moved aside; whether they may be is the first question
   */
  async requirePreflight(): Promise<string[]> {
    await using machine = this.#input.look(this.wanted)
    const failures = findFailures(machine).filter(({ name }) => name !== 'account')
    const isAskedFor =
      failures.every(({ name }) => name === 'predecessor') && mayTakeOver(machine) && this.#input.selected(predecessor)
    if (failures.length > 0 && (!isAskedFor || this.#input.acceptDefaults)) throw explainPreflight(failures)
    return failures.length > 0 ? findPredecessor(machine.host) : []
  }

  async askToTakeOver(found: readonly string[]): Promise<void> {
    tellWhatGoes(this.#terminal, found, this.#input.given.request.host.tree.root)
    if (!(await confirm(this.#terminal, 'Take over from it?'))) throw stoppedByPerson()
    this.#draft.takeOver = true
  }

  async askWhatIsMissing(everything = this.#input.askEverything): Promise<void> {
    for (const question of questions) {
      const isDue = everything ? this.#draft.isOpen(question) : this.#draft.isMissing(question)
      if (!question.onlyInReview && isDue) await this.#askUnlessDefault(question)
      // The way to the database is complete with the password, and tried at once.
      if (question.name === 'dbUser' && this.#draft.settings.store === 'mysql') {
        if (everything || this.#draft.isPasswordMissing) await this.#askPassword()
        await this.#connect()
      }
    }
  }

  /** Every value, and a way back to each. */
  async review(): Promise<void> {
    for (;;) {
      const rows = this.#draft.rows()
      const width = Math.max(...rows.map(({ label }) => label.length))
      const lines = rows.map(({ label, value, source, question }) => {
        const head = `${label.padEnd(width)}  `
        const name = (columns: number) => `${head}${withSource(value, source, columns, head.length)}`
        return { value: question, name, short: label }
      })
      if (this.#input.acceptDefaults) {
        const columns = process.stdout.columns || usualColumns
        return this.#terminal.say(lines.map((line) => `  ${nameOf(line, columns, 2)}`).join('\n'))
      }
      const chosen = await this.#terminal.choose<WizardQuestion | 'password' | 'go on' | 'stop'>(
        'Review these values:',
        [{ value: 'go on', name: 'Show the plan' }, ...lines, { value: 'stop', name: 'Stop here' }],
      )
      if (chosen === 'go on') return
      if (chosen === 'stop') throw stoppedByPerson()
      await this.#askAgain(chosen)
    }
  }

  /** Shows what apply would do. @returns false to go back to the review */
  async agreeOnPlan(): Promise<boolean> {
    const { results, error } = await this.#plan(this.#draft.adopt)
    await showPlan(results, this.#input.show)
    if (error !== undefined) return this.#mend(error)
    if (results.every(({ outcome }) => outcome !== 'pending')) return true
    if (this.#input.acceptDefaults) return true
    this.#terminal.say('')
    return confirm(this.#terminal, 'Make these changes?')
  }

  /** A plan that fails: a key needs a decision, or an answer another value. */
  async #mend(error: unknown): Promise<false> {
    if (!(error instanceof KnownError) || this.#input.acceptDefaults) throw error
    tellProblem(this.#terminal, error)
    const isOfKey = keyErrors.includes(error.code)
    const chosen = await this.#terminal.choose<Adoption | 'restore' | 'back' | 'stop'>('What now?', [
      { value: 'stop', name: 'Stop here, nothing is changed' },
      { value: 'back', name: 'Back to the review' },
      ...(isOfKey ? await this.#possibleAdoptions() : []),
      ...(isOfKey ? [{ value: 'restore' as const, name: 'Restore a sealed backup of the key' }] : []),
    ])
    if (chosen === 'stop') throw stoppedByPerson()
    if (chosen === 'restore') await this.#restore()
    else if (chosen !== 'back') this.#draft.adopt = chosen
    return false
  }

  /** What cannot be opened is told, and the plan then asks again. */
  async #restore(): Promise<void> {
    const { openBackup } = await import('./open-backup.ts')
    try {
      this.#draft.restore = await openBackup(this.#terminal)
    } catch (error) {
      if (!(error instanceof KnownError) || interruptions.includes(error.code)) throw error
      tellProblem(this.#terminal, error)
    }
  }

  async #possibleAdoptions(): Promise<{ value: Adoption; name: string }[]> {
    const plans = await Promise.all(adoptions.map((adoption) => this.#plan(adoption)))
    return adoptions
      .filter((_adoption, index) => plans[index]?.error === undefined)
      .map((value) => ({ value, name: adoptionNames[value] }))
  }

  async #askUnlessDefault(question: WizardQuestion): Promise<void> {
    const hasDefault = this.#draft.settings[question.name] !== undefined
    if (this.#input.acceptDefaults && hasDefault && this.#refuse(question, this.#draft.textOf(question)) === undefined)
      return
    await this.#ask(question)
  }

  async #ask(question: WizardQuestion): Promise<void> {
    const { message, choices, isYesNo } = question
    const fallback = this.#draft.textOf(question)
    if (isYesNo) return this.#draft.take(question, (await confirm(this.#terminal, message)) ? 'yes' : 'no')
    const answer = choices
      ? await this.#terminal.choose(message, choices, fallback)
      : await this.#terminal.ask({
          message,
          fallback,
          source: this.#draft.sourceOf(question),
          refuse: (text) => this.#refuse(question, text),
        })
    this.#draft.take(question, answer)
  }

  #refuse(question: WizardQuestion, answer: string): string | undefined {
    const problem = refuseValue(question, answer)
    if (problem !== undefined || question.name !== 'owner') return problem
    try {
      resolveAccount(this.#input.given.request.host.files, answer)
      return undefined
    } catch (error) {
      if (error instanceof KnownError) return `${error.message}; ${error.hint}`
      throw error
    }
  }

  /** In a second round an empty answer leaves the password as it is. */
  async #askPassword(): Promise<void> {
    const isThere = this.#input.askEverything && this.#draft.settings.password !== undefined
    const refuse = (text: string) =>
      text === '' ? undefined : whyNotKept(byteTextOf(text))?.replace(/^/, 'ossim.conf cannot hold it: ')
    const message = isThere ? 'Password (empty: as it is):' : 'Password (empty for none):'
    const text = await this.#terminal.askSecret({ message, refuse })
    if (text !== '' || !isThere) this.#draft.takePassword(text)
  }

  async #askAgain(question: WizardQuestion | 'password'): Promise<void> {
    if (question === 'password') await this.#askPassword()
    else await this.#ask(question)
    if (question === 'password' || question.name === 'store' || connectionNames.includes(question.name)) {
      await this.askWhatIsMissing(false)
    }
  }

  /** The answers about the database are checked by connecting. */
  async #connect(): Promise<void> {
    while (this.#draft.settings.store === 'mysql') {
      const problem = await this.#connectionProblem()
      if (!problem) return
      if (this.#input.acceptDefaults) throw problem
      tellProblem(this.#terminal, problem)
      const missingTable = problem.code === 'missing-schema'
      const embedded = this.#embeddedChoice()
      const chosen = await this.#terminal.choose<
        WizardQuestion | 'password' | 'again' | 'create' | 'embedded' | 'stop'
      >(
        'What now?',
        [
          ...(missingTable ? [] : [{ value: 'again' as const, name: 'Try again' }]),
          ...this.#draft
            .rows()
            .filter(({ question }) => question === 'password' || connectionNames.includes(question.name))
            .map(({ label, value, question }) => ({ value: question, name: `Change ${label}: ${value}` })),
          ...(missingTable ? [{ value: 'create' as const, name: 'Create table config there' }] : []),
          ...embedded,
          { value: 'stop', name: 'Stop here, nothing is changed' },
        ],
        // Trying again helps only where the server may come up.
        problem.code === 'database-refused' ? 'password' : undefined,
      )
      if (chosen === 'stop') throw stoppedByPerson()
      if (chosen === 'create') this.#draft.createSchema()
      else if (chosen === 'password') await this.#askPassword()
      else if (chosen === 'embedded') this.#draft.take(storeQuestion, 'sqlite')
      else if (chosen !== 'again') await this.#ask(chosen)
    }
  }

  /** The way out of a connection that fails; none where the command line or the environment has named a server. */
  #embeddedChoice(): Choice<'embedded'>[] {
    if (!this.#draft.isOpen(storeQuestion)) return []
    return [{ value: 'embedded', name: 'Do without a server: use the embedded store' }]
  }

  async #connectionProblem(): Promise<KnownError | undefined> {
    await using machine = this.#input.look(this.wanted)
    try {
      const store = await machine.store()
      if (machine.createsSchema || (await store.schema()).table) return undefined
      return new KnownError('missing-schema', `table config is missing in ${store.place}`, 'is it the right database?')
    } catch (error) {
      this.#input.signal.throwIfAborted()
      if (error instanceof KnownError) return error
      throw error
    }
  }

  async #plan(adopt: Adoption | undefined): Promise<{ results: readonly TaskResult[]; error: unknown }> {
    await using machine = this.#input.look({ ...this.wanted, adopt })
    const { selected, signal, watch } = this.#input
    const results = await watch('the inspection of this machine', planTasks(tasks, machine, { selected, signal }))
    signal.throwIfAborted()
    return { results, error: results.find(({ outcome }) => outcome === 'failed')?.error }
  }
}
