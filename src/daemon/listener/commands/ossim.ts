/**
 * The commands of the original that agents and the web interface need (OSSIM `Listener.py` and its clients):
 * agents connect, stay connected and are listed; the answer about backups is always that none is running. The
 * original's other commands: those without an answer are accepted and ignored, all others are refused in the
 * original's own form.
 */
import type { Client, Command, Subject } from './command.ts'

const success = 'errno="0" error="Success." ackend'
const notDone = 'This daemon does not do that.'

type Action = (subject: Subject, line: string, client: Client) => string

const controlActions: Readonly<Record<string, Action>> = {
  connect(subject, line, client) {
    const id = attributeOf(line, 'id')
    // The id becomes part of a list, so it must not hold the list's separators.
    if (id === undefined || !/^[\w.:-]{1,64}$/.test(id)) return refusal(line, '-1', 'Invalid id.')
    subject.agents.connect(client, client.source, id)
    client.becomeAgent()
    return `ok id="${id}"`
  },
  getconnectedagents({ agents }) {
    const { connected } = agents
    return `control getconnectedagents count="${connected.length}" names="${namesOf(connected)}" ${success}`
  },
  getconnectedagents_p({ agents }, line) {
    const { connected } = agents
    const [begin, end] = [numberOf(line, 'begin_index'), numberOf(line, 'end_index')]
    const page = begin === undefined || end === undefined ? [] : connected.slice(begin, end)
    if (page.length < 1) return 'control getconnectedagents errno="-1" error="Invalid page size requested." ackend'
    const size = `count="${connected.length}" page_size="${page.length}"`
    return `control getconnectedagents ${size} names="${namesOf(page)}" ${success}`
  },
  gettotalagentsconnected: ({ agents }) =>
    `control gettotalagentsconnected count="${agents.connected.length}" ${success}`,
  refresh_inventory_task: (_subject, line) => `${line} ok`,
}

const control: Command = {
  name: 'control',
  from: 'anywhere',
  answer(subject, line, client) {
    const action = attributeOf(line, 'action') ?? ''
    const known = Object.hasOwn(controlActions, action) ? controlActions[action] : undefined
    return known ? known(subject, line, client) : refuse(subject, line, '-1')
  },
}

const backup: Command = {
  name: 'backup',
  from: 'loopback',
  answer(subject, line) {
    if (attributeOf(line, 'action') === 'backup_status') return `${line} status="0" ackend`
    // The backup page understands only an errno without a sign.
    return refuse(subject, line, '1')
  },
}

const event: Command = { name: 'event', from: 'loopback', answer: (subject, line) => refuse(subject, line, '-1') }

/** Orders after which nobody waits for an answer. */
const silent = ['nagios', 'refresh_asset_list'].map((name): Command => {
  return { name, from: 'loopback', answer: () => undefined }
})

/** Commands that are known by their first word. */
export const ossimCommands: readonly Command[] = [control, backup, event, ...silent]

function refuse(subject: Subject, line: string, errno: string): string {
  const word = /^\w+/.exec(line)?.[0] ?? ''
  const action = /^\w{1,40}$/.exec(attributeOf(line, 'action') ?? '')?.[0]
  subject.tellMissing(action === undefined ? word : `${word} action="${action}"`)
  return refusal(line, errno, notDone)
}

function refusal(line: string, errno: string, error: string): string {
  return `${line} errno="${errno}" error="${error}" ackend`
}

function attributeOf(line: string, name: string): string | undefined {
  return new RegExp(`\\s${name}="([^"]*)"`).exec(line)?.[1]
}

function numberOf(line: string, name: string): number | undefined {
  const text = attributeOf(line, name) ?? ''
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

function namesOf(agents: readonly { id: string; address: string }[]): string {
  return agents.map(({ id, address }) => `${id}=${address}`).join('|')
}
