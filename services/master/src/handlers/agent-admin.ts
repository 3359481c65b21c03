// The operator's calls about agents and their machines: drain, deactivate, gone, maintenance.

import { isIP } from 'node:net';
import { FailureError, unaryHandler } from '@meseta/kit';
import { failure } from '@meseta/model';
import type {
  DrainAgentRequest,
  MachineID,
  OperatorServiceServer,
  StartMaintenanceRequest,
  StopMaintenanceRequest,
  UpdateMaintenanceScheduleRequest,
  maintenance,
} from '@meseta/protocol';
import type { CallId, Command } from '../state/command';
import type { Machine, MaintenanceWindow } from '../state/machines';
import type { MasterView } from '../state/state';
import { maintenanceStatusOf, scheduleToProto } from '../wire/maintenance';
import { termOf, type Leading } from './leading';
import { agentOf } from './read';

type AgentAdmin = Pick<
  OperatorServiceServer,
  | 'drainAgent'
  | 'deactivateAgent'
  | 'reactivateAgent'
  | 'markAgentGone'
  | 'getMaintenanceSchedule'
  | 'updateMaintenanceSchedule'
  | 'getMaintenanceStatus'
  | 'startMaintenance'
  | 'stopMaintenance'
>;

/**
 * @param read reads the leader's state
 */
export function agentAdminHandlers(
  leading: Leading,
  read: <T>(fn: (view: MasterView) => T) => Promise<T>,
): AgentAdmin {
  const tell = async (command: (call: CallId) => Command): Promise<object> => {
    const term = termOf(leading);
    await term.replies.ask((call) => term.submit(command(call)));
    return {};
  };
  const ofAgent = (kind: 'deactivateAgent' | 'reactivateAgent' | 'markAgentGone') =>
    unaryHandler(({ agentId }: Pick<DrainAgentRequest, 'agentId'>) =>
      tell((call) => ({ kind, call, agentId: agentOf(agentId) })),
    );
  return {
    drainAgent: unaryHandler(async ({ agentId, maxGracePeriod, markGone }: DrainAgentRequest) => {
      const graceMaxMs = graceMaxMsOf(maxGracePeriod);
      return tell((call) => ({
        kind: 'drainAgent',
        call,
        agentId: agentOf(agentId),
        graceMaxMs,
        markGone: markGone ?? false,
      }));
    }),
    deactivateAgent: ofAgent('deactivateAgent'),
    reactivateAgent: ofAgent('reactivateAgent'),
    markAgentGone: ofAgent('markAgentGone'),
    getMaintenanceSchedule: unaryHandler(() =>
      read(({ maintenance: { windows } }) => ({ schedule: scheduleToProto(windows) })),
    ),
    updateMaintenanceSchedule: unaryHandler(async ({ schedule }: UpdateMaintenanceScheduleRequest) => {
      const windows = windowsOf(schedule);
      return tell((call) => ({ kind: 'updateSchedule', call, windows }));
    }),
    getMaintenanceStatus: unaryHandler(() => read((view) => ({ status: maintenanceStatusOf(view) }))),
    startMaintenance: unaryHandler(async ({ machines: ids }: StartMaintenanceRequest) => {
      const machines = machinesOf('machines', ids);
      return tell((call) => ({ kind: 'startMaintenance', call, machines }));
    }),
    stopMaintenance: unaryHandler(async ({ machines: ids }: StopMaintenanceRequest) => {
      const machines = machinesOf('machines', ids);
      return tell((call) => ({ kind: 'stopMaintenance', call, machines }));
    }),
  };
}

/** The longest grace, in milliseconds. */
function graceMaxMsOf(period: DrainAgentRequest['maxGracePeriod']): number | undefined {
  if (period === undefined) return undefined;
  const ms = Number(period.seconds) * 1000 + period.nanos / 1e6;
  if (ms < 0) throw refused('max_grace_period', 'must not be negative');
  return ms;
}

function windowsOf(schedule: maintenance.Schedule | undefined): MaintenanceWindow[] {
  if (schedule === undefined) throw refused('schedule', 'must be set');
  return schedule.windows.map(({ machineIds, unavailability }, index) => ({
    machines: machinesOf(`schedule.windows[${index}].machine_ids`, machineIds),
    unavailability: unavailability ?? {},
  }));
}

function machinesOf(field: string, ids: readonly MachineID[]): Machine[] {
  return ids.map(({ hostname = '', ip = '' }, index) => {
    if (ip !== '' && isIP(ip) === 0)
      throw refused(`${field}[${index}].ip`, `must be a numeric address, not ${ip}`);
    return { hostname, ip };
  });
}

function refused(field: string, rule: string): FailureError {
  return new FailureError(failure('invalid', `${field} ${rule}`, { field }));
}
