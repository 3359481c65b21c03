import { failure, type Failure } from '@meseta/model';
import { machineKey, machineName, type Machine, type MaintenanceWindow } from '../machines';

/** The plan is one record of the registry, which may be 1 MB. */
export const scheduledMachinesMax = 10_000;

/** Whether a schedule may replace the one that holds (M40), while some machines are down. */
export function validateSchedule(
  windows: readonly MaintenanceWindow[],
  down: ReadonlyMap<string, Machine>,
): Failure | undefined {
  const seen = new Set<string>();
  for (const [index, { machines, unavailability }] of windows.entries()) {
    const field = `schedule.windows[${index}]`;
    const refused =
      validateEach(machines, `${field}.machine_ids`, seen) ?? validateSpan(unavailability, field);
    if (refused !== undefined) return refused;
  }
  if (seen.size > scheduledMachinesMax)
    return invalid('schedule', `must name at most ${scheduledMachinesMax} machines, not ${seen.size}`);
  for (const [key, machine] of down)
    if (!seen.has(key))
      return invalid('schedule', `must keep machine ${machineName(machine)}: it is in maintenance`);
  return undefined;
}

/** Whether a list of machines can be started or stopped at all. */
export function validateMachines(machines: readonly Machine[]): Failure | undefined {
  return validateEach(machines, 'machines', new Set());
}

function validateEach(machines: readonly Machine[], field: string, seen: Set<string>): Failure | undefined {
  if (machines.length === 0) return invalid(field, 'must name at least one machine');
  for (const [index, machine] of machines.entries()) {
    if (machine.hostname === '' && machine.ip === '')
      return invalid(`${field}[${index}]`, 'must have a hostname or an ip');
    if (seen.has(machineKey(machine)))
      return invalid(`${field}[${index}]`, `names machine ${machineName(machine)} a second time`);
    seen.add(machineKey(machine));
  }
  return undefined;
}

function validateSpan(
  { start, duration }: MaintenanceWindow['unavailability'],
  field: string,
): Failure | undefined {
  if (start?.nanoseconds === undefined) return invalid(`${field}.unavailability.start`, 'must be set');
  if ((duration?.nanoseconds ?? 0n) < 0n)
    return invalid(`${field}.unavailability.duration`, 'must not be negative');
  return undefined;
}

function invalid(field: string, rule: string): Failure {
  return failure('invalid', `${field} ${rule}`, { field });
}
