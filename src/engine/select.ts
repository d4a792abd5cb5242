import { KnownError } from '../errors.ts'

/** What can be selected: a task's name and tags. */
interface Selectable {
  name: string
  tags: readonly string[]
}

export interface Selection {
  tags?: readonly string[]
  skipTags?: readonly string[]
}

/** Tag of a task that takes part in every run, as in Ansible. */
const always = 'always'

/**
 * Which tasks take part.
 * @throws KnownError `usage` for a tag that no task has, listing those that exist
 */
export function selectTasks(tasks: readonly Selectable[], selection: Selection): (task: Selectable) => boolean {
  const known = [...new Set(tasks.flatMap((task) => task.tags))].sort()
  for (const tag of [...(selection.tags ?? []), ...(selection.skipTags ?? [])]) {
    if (!known.includes(tag))
      throw new KnownError('usage', `tag ${tag} is not known`, `known tags: ${known.join(', ')}`)
  }
  return (task) => {
    if (task.tags.includes(always)) return true
    const wanted = !selection.tags || task.tags.some((tag) => selection.tags?.includes(tag))
    return wanted && !task.tags.some((tag) => selection.skipTags?.includes(tag))
  }
}
