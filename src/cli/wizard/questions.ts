/** What the wizard may ask, in this order; the review shows the same list. */
import { definitionOf, type SettingName } from '../../settings/definitions.ts'
import type { LoadedSettings } from '../../settings/load.ts'
import { InvalidValue } from '../../settings/values/invalid-value.ts'
import { usesCommonPort } from '../../settings/values/servers.ts'
import type { Choice } from './terminal.ts'

export interface WizardQuestion {
  /** The setting that is asked for. */
  name: SettingName
  /** In the review. */
  label: string
  message: string
  /** It has a meaning with the settings so far. */
  applies(settings: LoadedSettings): boolean
  /** Not asked where nobody gave a value: the default serves, and the review is there to change it. */
  onlyInReview?: true
  /** Asked as a question of yes or no; its values are `yes` and `no`. */
  isYesNo?: true
  choices?: readonly (Choice<string> & { name: string })[]
  /** An empty answer is a value: the setting is left unset. */
  optional?: true
}

const onServer = (settings: LoadedSettings) => settings.store === 'mysql'
const overTcp = (settings: LoadedSettings) => onServer(settings) && settings.dbSocket === undefined

export const storeQuestion: WizardQuestion = {
  name: 'store',
  label: 'database',
  message: "Where is OSSIM's database?",
  applies: () => true,
  choices: [
    { value: 'mysql', name: 'on a MySQL or MariaDB server', short: 'a server' },
    { value: 'sqlite', name: 'there is none: use the embedded store', short: 'embedded' },
  ],
}

export const questions: readonly WizardQuestion[] = [
  storeQuestion,
  {
    name: 'dbHost',
    label: 'server',
    message: 'Database server or socket:',
    applies: onServer,
  },
  {
    name: 'dbPort',
    label: 'port',
    message: 'Its port:',
    applies: (settings) => overTcp(settings) && usesCommonPort(settings.dbHost),
  },
  { name: 'dbName', label: 'its name', message: 'Name of the database:', applies: onServer },
  { name: 'dbUser', label: 'user', message: 'Database user:', applies: onServer },
  {
    name: 'dbSslCa',
    label: 'CA for TLS',
    message: 'File of the CA certificate, for TLS (empty: no TLS):',
    applies: onServer,
    onlyInReview: true,
    optional: true,
  },
  {
    name: 'owner',
    label: 'owner',
    message: 'Account of the service:',
    applies: () => true,
  },
  {
    name: 'keySource',
    label: 'a new key from',
    message: 'Where does a new key come from?',
    applies: () => true,
    choices: [
      { value: 'auto', name: 'the system id, else a random one' },
      { value: 'system-id', name: 'the system id' },
      { value: 'random', name: 'a random one' },
    ],
    onlyInReview: true,
  },
  {
    name: 'createSchema',
    label: 'create the table',
    message: 'Create table config and its default rows where they are missing?',
    applies: onServer,
    isYesNo: true,
    onlyInReview: true,
  },
]

/** What the way to the database is made of. */
export const connectionNames: readonly SettingName[] = questions
  .map(({ name }) => name)
  .filter((name) => name !== 'store' && definitionOf(name).connection)

/** What an answer sets; undefined takes an earlier answer back. A path for the server is its socket. */
export function settingsOf(question: WizardQuestion, answer: string): [SettingName, string | undefined][] {
  if (question.optional && answer === '') return [[question.name, undefined]]
  if (question.name !== 'dbHost') return [[question.name, answer]]
  return answer.startsWith('/')
    ? [
        ['dbSocket', answer],
        ['dbHost', undefined],
      ]
    : [
        ['dbHost', answer],
        ['dbSocket', undefined],
      ]
}

/** Why a text is no value of the setting; undefined when it is one. */
export function refuseValue(question: WizardQuestion, answer: string): string | undefined {
  for (const [name, text] of settingsOf(question, answer)) {
    if (text === undefined) continue
    try {
      definitionOf(name).parse(text)
    } catch (error) {
      if (error instanceof InvalidValue)
        return text === '' ? 'an answer is needed' : `${JSON.stringify(text)} ${error.message}`
      throw error
    }
  }
  return undefined
}
