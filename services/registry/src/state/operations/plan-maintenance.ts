import type { Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { keyOf, type RecordWrite } from '../record';

/** The planned maintenance, whole. The master has checked the windows. */
export function planMaintenance({
  schedule,
  downMachines,
}: internal.PlanMaintenance): readonly RecordWrite[] | Failure {
  const windows = schedule?.windows ?? [];
  const isPlanned = windows.length + downMachines.length > 0;
  return [
    {
      key: keyOf.maintenance,
      ...(isPlanned && { record: { kind: 'maintenance', schedule: { windows }, downMachines } }),
    },
  ];
}
