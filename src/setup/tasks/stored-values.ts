/** Values that a late writer has left under a key that was replaced; most machines have no such key. */
import type { Plan } from '../../engine/task.ts'
import { supersededRow } from '../../store/config-store.ts'
import type { SetupTask } from '../machine.ts'

export const storedValues: SetupTask = {
  name: 'stored-values',
  title: 'Encrypt late values anew',
  tags: ['key'],
  async plan(machine): Promise<Plan> {
    if (machine.request.forImage) return { outcome: 'deferred', summary: 'left to the first boot' }
    const store = await machine.store()
    if (machine.createsSchema && !(await store.schema()).table) return { outcome: 'ok', summary: 'there are none yet' }
    if (!(await store.rows()).get(supersededRow)?.length) return { outcome: 'ok', summary: 'no key was replaced' }
    const { planLateValues } = await import('../late-values.ts')
    return planLateValues(machine)
  },
}
