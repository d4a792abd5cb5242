import type { SetupTask } from '../machine.ts'

/** The store answers, and table `config` is there, readable and writable. */
export const database: SetupTask = {
  name: 'database',
  title: 'Check the database',
  tags: ['database', 'identity'],
  async plan(machine) {
    if (machine.request.forImage) return { outcome: 'deferred', summary: 'left to the first boot' }
    const store = await machine.store()
    const { warnings } = store
    const { table, missingRows } = await store.schema()
    if (machine.createsSchema && missingRows.length > 0) {
      const what = table ? `default rows ${missingRows.join(', ')}` : 'table config with its default rows'
      return {
        outcome: 'change',
        summary: `create ${what} in ${store.place}`,
        warnings,
        apply: () => store.createSchema(),
      }
    }
    await store.requireWritable()
    return { outcome: 'ok', summary: store.place, warnings }
  },
}
