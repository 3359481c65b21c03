import { isIP } from 'node:net';
import { FailureError, parseDurationMs, printDurationMs } from '@meseta/kit';
import { failure, isFailure, nanosecondsOf, msOfNanoseconds } from '@meseta/model';
import { maintenance, type MachineID, type Unavailability } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { renderTable } from '../output/table';
import { nothing, timeInfoMs, timeWord } from '../output/words';

/** What `meseta maintenance schedule` can be told. */
export interface ScheduleFlags extends ClusterFlags {
  /** When it begins: `2026-05-01T08:00:00Z`, or `10m` from now; now if unset. */
  readonly at?: string;
  /** How long it lasts; for ever if unset. */
  readonly for?: string;
  readonly cancel?: boolean;
}

/** `meseta maintenance schedule [MACHINE…]`: the plan; with machines, these are planned anew, or no longer. */
export function scheduleMaintenance(
  context: CliContext,
  words: readonly string[],
  flags: ScheduleFlags,
): Promise<void> {
  const machineIds = words.map(machineOf);
  const span = flags.cancel === true ? undefined : unavailabilityOf(flags, context.nowMs());
  return withOperator(context, flags, async (operator) => {
    let schedule = await operator.maintenanceSchedule();
    if (machineIds.length > 0) {
      const planned = span === undefined ? [] : [{ machineIds, unavailability: span }];
      schedule = { windows: [...without(schedule.windows, machineIds), ...planned] };
      await operator.updateMaintenanceSchedule(schedule);
    }
    print(context, flags.output, maintenance.Schedule.toJSON(schedule), () =>
      renderTable(
        ['MACHINE', 'FROM', 'FOR'],
        schedule.windows.flatMap(({ machineIds: ids, unavailability }) =>
          ids.map((id) => [
            machineWord(id),
            timeWord(timeInfoMs(unavailability?.start)),
            durationWord(unavailability),
          ]),
        ),
        'no maintenance is planned',
      ),
    );
  });
}

/** `meseta maintenance status`: what frameworks said, and what is down. */
export function showMaintenance(context: CliContext, flags: ClusterFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const status = await operator.maintenanceStatus();
    const draining = status.drainingMachines.flatMap(({ id = {}, statuses }) =>
      (statuses.length === 0 ? [undefined] : statuses).map((one) => [
        machineWord(id),
        'SCHEDULED',
        one?.frameworkId?.value ?? nothing,
        one?.status ?? nothing,
        timeWord(timeInfoMs(one?.timestamp)),
      ]),
    );
    const down = status.downMachines.map((id) => [machineWord(id), 'DOWN', nothing, nothing, nothing]);
    print(context, flags.output, maintenance.ClusterStatus.toJSON(status), () =>
      renderTable(
        ['MACHINE', 'MODE', 'FRAMEWORK', 'ANSWER', 'SINCE'],
        [...draining, ...down],
        'no maintenance is planned',
      ),
    );
  });
}

/** `meseta maintenance start MACHINE…` and `stop MACHINE…`. */
export function moveMachines(
  context: CliContext,
  action: 'start' | 'stop',
  words: readonly string[],
  flags: ClusterFlags,
): Promise<void> {
  const machines = words.map(machineOf);
  return withOperator(context, flags, async (operator) => {
    if (action === 'start') await operator.startMaintenance(machines);
    else await operator.stopMaintenance(machines);
    const becomes = action === 'start' ? 'down for maintenance' : 'in use again';
    print(context, flags.output, { machines }, () =>
      machines.map((machine) => `machine ${machineWord(machine)} is ${becomes}\n`).join(''),
    );
  });
}

/** `host`, `192.0.2.1` or `host/192.0.2.1` */
function machineOf(word: string): MachineID {
  if (isIP(word) !== 0) return { ip: word };
  const [hostname = '', ip] = word.split('/');
  return { hostname, ...(ip !== undefined && { ip }) };
}

function machineWord({ hostname, ip }: MachineID): string {
  return [hostname, ip].filter((part) => part !== undefined && part !== '').join('/');
}

function without(windows: readonly maintenance.Window[], machines: readonly MachineID[]) {
  const named = new Set(machines.map((machine) => machineWord(machine).toLowerCase()));
  return windows
    .map((window) => ({
      ...window,
      machineIds: window.machineIds.filter((id) => !named.has(machineWord(id).toLowerCase())),
    }))
    .filter(({ machineIds }) => machineIds.length > 0);
}

function unavailabilityOf(flags: ScheduleFlags, nowMs: number): Unavailability {
  const durationMs = flags.for === undefined ? undefined : parseDurationMs(flags.for);
  if (isFailure(durationMs)) throw refused('--for', durationMs.message);
  return {
    start: { nanoseconds: nanosecondsOf(startMs(flags.at, nowMs)) },
    ...(durationMs !== undefined && { duration: { nanoseconds: nanosecondsOf(durationMs) } }),
  };
}

function startMs(at: string | undefined, nowMs: number): number {
  if (at === undefined) return nowMs;
  const waitMs = parseDurationMs(at);
  if (!isFailure(waitMs)) return nowMs + waitMs;
  const ms = Date.parse(at);
  if (Number.isNaN(ms))
    throw refused('--at', 'must be a time such as 2026-05-01T08:00:00Z, or a wait such as 10m');
  return ms;
}

function durationWord(unavailability: Unavailability | undefined): string {
  const ns = unavailability?.duration?.nanoseconds;
  return ns === undefined ? nothing : printDurationMs(msOfNanoseconds(ns));
}

function refused(flag: string, rule: string): FailureError {
  return new FailureError(failure('invalid', `${flag} ${rule}`, { field: flag }));
}
