import { KnownError } from '../errors.ts'

/** The name and tags by which a task is selected. */
interface Selectable {
  name: string
  tags: readonly string[]
}

export interface Selection {
  tags?: readonly string[]
  skipTags?: readonly string[]
  /** Tasks before this one do not take part. */
  startAt?: string
}

/** Tag of a task that takes part in every run, as in Ansible. */
const always = 'always'

/** Whether a task takes part in every run. */
export function isAlwaysRun(task: Selectable): boolean {
  return task.tags.includes(always)
}

/**
 * Which tasks take part.
 * @throws KnownError `usage` for a tag or name that no task has, listing those that exist
 */
export function selectTasks(tasks: readonly Selectable[], selection: Selection): (task: Selectable) => boolean {
  const { tags, skipTags = [], startAt } = selection
  const knownTags = [...new Set(tasks.flatMap((task) => task.tags))].sort()
  for (const tag of [...(tags ?? []), ...skipTags]) requireKnown('tag', tag, knownTags)
  const names = tasks.map((task) => task.name)
  if (startAt !== undefined) requireKnown('task', startAt, names)
  const first = startAt === undefined ? 0 : names.indexOf(startAt)
  return (task) => {
    if (isAlwaysRun(task)) return true
    const wanted = !tags || task.tags.some((tag) => tags.includes(tag))
    return wanted && !task.tags.some((tag) => skipTags.includes(tag)) && names.indexOf(task.name) >= first
  }
}

function requireKnown(kind: 'tag' | 'task', name: string, known: readonly string[]): void {
  if (known.includes(name)) return
  throw new KnownError('usage', `${kind} ${name} is not known`, `known ${kind}s: ${known.join(', ')}`)
}
