/** What the person has answered so far, and the settings that follow from it. */
import type { Adoption } from '../../key/reconcile.ts'
import type { CandidateKey } from '../../keycheck/sealed-refusal.ts'
import type { SettingName } from '../../settings/definitions.ts'
import { type LoadedSettings, loadSettings, type SettingsRequest } from '../../settings/load.ts'
import { textOfValue } from '../../settings/resolve.ts'
import { Secret } from '../../text/secret.ts'
import { questions, settingsOf, type WizardQuestion } from './questions.ts'

/** What a run goes by: given on the command line, and answered. */
export interface RunChoices {
  request: SettingsRequest
  adopt: Adoption | undefined
  /** The key of a sealed backup is to be put in place. */
  restore?: CandidateKey | undefined
  /** What is left of the original may be moved aside. */
  takeOver: boolean
}

/** A value in the review, and the way back to it. */
export interface ReviewRow {
  label: string
  value: string
  source: string
  question: WizardQuestion | 'password'
}

export class WizardDraft {
  adopt: Adoption | undefined
  restore: CandidateKey | undefined
  takeOver: boolean
  readonly #given: SettingsRequest
  readonly #answers = new Map<SettingName, string>()
  #password: SettingsRequest['typedPassword']
  #isPasswordAnswered = false

  constructor({ request, adopt, takeOver }: RunChoices) {
    this.#given = request
    this.#password = request.typedPassword
    this.adopt = adopt
    this.takeOver = takeOver
  }

  get wanted(): RunChoices {
    const request = { ...this.#given, answers: this.#answers, typedPassword: this.#password }
    return { request, adopt: this.adopt, restore: this.restore, takeOver: this.takeOver }
  }

  get settings(): LoadedSettings {
    return loadSettings(this.wanted.request)
  }

  take(question: WizardQuestion, answer: string): void {
    for (const [name, text] of settingsOf(question, answer)) {
      if (text === undefined) this.#answers.delete(name)
      else this.#answers.set(name, text)
    }
  }

  /** @param text empty for none */
  takePassword(text: string): void {
    this.#isPasswordAnswered = true
    this.#password = text === '' ? undefined : { secret: new Secret(text), origin: 'your answer' }
  }

  /** The table and its rows are to be made where they are missing. */
  createSchema(): void {
    this.#answers.set('createSchema', 'yes')
  }

  /** No source gave it. */
  isMissing({ name, applies }: WizardQuestion): boolean {
    const { settings } = this
    return applies(settings) && settings.sources[name] === 'default' && !(name === 'dbHost' && settings.dbSocket)
  }

  /** An answer would count: neither the command line nor the environment has said it. */
  isOpen({ name, applies }: WizardQuestion): boolean {
    const { settings } = this
    return applies(settings) && !/^(--|FRAMEWORKD_)/.test(settings.sources[name])
  }

  get isPasswordMissing(): boolean {
    return !this.#isPasswordAnswered && this.settings.password === undefined
  }

  /** Every value that counts, for the review. */
  rows(): ReviewRow[] {
    const { settings } = this
    const rows = questions
      .filter(({ applies }) => applies(settings))
      .map((question): ReviewRow => {
        return { label: question.label, value: this.#shown(question), source: this.sourceOf(question), question }
      })
    if (settings.store !== 'mysql') return rows
    const { password } = settings
    const value = password ? '[hidden]' : 'none'
    const row: ReviewRow = {
      label: 'password',
      value,
      source: shortened(password?.origin ?? 'default'),
      question: 'password',
    }
    return rows.toSpliced(
      rows.findIndex(({ question }) => question !== 'password' && question.name === 'dbUser') + 1,
      0,
      row,
    )
  }

  #shown(question: WizardQuestion): string {
    const text = this.textOf(question)
    return question.choices?.find((choice) => choice.value === text)?.name ?? (text || 'none')
  }

  sourceOf({ name }: WizardQuestion): string {
    const { sources, dbSocket } = this.settings
    const source = sources[name === 'dbHost' && dbSocket !== undefined ? 'dbSocket' : name]
    return source.startsWith('answer for') ? 'your answer' : shortened(source)
  }

  /** A setting as it would be typed; empty where it has no value. */
  textOf({ name }: WizardQuestion): string {
    const { settings } = this
    return textOfValue(settings, name === 'dbHost' && settings.dbSocket !== undefined ? 'dbSocket' : name)
  }
}

/** Of a file its name says enough; a line of 80 columns has no room for more. */
function shortened(source: string): string {
  return source.replace(/^\/\S*\//, '')
}
