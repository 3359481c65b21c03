import { failure, type Failure } from '@meseta/model';
import type { Unavailability } from '@meseta/protocol';
import type { Command } from './command';
import { dismiss } from './dismissal';
import { rescindInverseOffers } from './inverse-offers';
import { isOn, machineKey, machineName, unavailabilityOf, type Machine, type Maintenance } from './machines';
import { rescindAgentOffers } from './offers';
import type { Agent } from './state';
import { commit, reply, tellAllocator, type Turn } from './turn';
import { validateMachines, validateSchedule } from './validation/maintenance';

/** UPDATE_MAINTENANCE_SCHEDULE (M40): the whole plan is replaced. Offers of agents whose window changed are made anew, with it. */
export function stepUpdateSchedule(turn: Turn, command: Extract<Command, { kind: 'updateSchedule' }>): void {
  const { windows } = command;
  const { down } = turn.state.maintenance;
  const refused = validateSchedule(windows, down);
  if (refused !== undefined) return reply(turn, command.call, refused);
  plan(turn, { windows, down });
  reply(turn, command.call);
}

/** START_MAINTENANCE (M42): the agents of the machines are told to end and removed, and none is admitted from there. */
export function stepStartMaintenance(
  turn: Turn,
  command: Extract<Command, { kind: 'startMaintenance' }>,
): void {
  const { windows, down } = turn.state.maintenance;
  const scheduled = new Set(windows.flatMap(({ machines }) => machines.map(machineKey)));
  const mayStart = (machine: Machine): string | undefined => {
    if (!scheduled.has(machineKey(machine))) return 'is not in the maintenance schedule';
    return down.has(machineKey(machine)) ? 'is in maintenance already' : undefined;
  };
  const refused = validateMachines(command.machines) ?? firstRefused(command.machines, mayStart);
  if (refused !== undefined) return reply(turn, command.call, refused);
  const nowDown = new Map(down);
  for (const machine of command.machines) nowDown.set(machineKey(machine), machine);
  plan(turn, { windows, down: nowDown });
  for (const agent of [...turn.state.agents.values()]) {
    const machine = command.machines.find((one) => isOn(agent, one));
    if (machine !== undefined) takeDown(turn, agent, machine);
  }
  reply(turn, command.call);
}

/** STOP_MAINTENANCE (M43): the machines are in use again, and no longer in the schedule. */
export function stepStopMaintenance(
  turn: Turn,
  command: Extract<Command, { kind: 'stopMaintenance' }>,
): void {
  const { windows, down } = turn.state.maintenance;
  const refused =
    validateMachines(command.machines) ??
    firstRefused(command.machines, (machine) =>
      down.has(machineKey(machine)) ? undefined : 'is not in maintenance',
    );
  if (refused !== undefined) return reply(turn, command.call, refused);
  const stopped = new Set(command.machines.map(machineKey));
  plan(turn, {
    windows: windows
      .map((window) => ({
        ...window,
        machines: window.machines.filter((machine) => !stopped.has(machineKey(machine))),
      }))
      .filter(({ machines }) => machines.length > 0),
    down: new Map([...down].filter(([key]) => !stopped.has(key))),
  });
  reply(turn, command.call);
}

function plan(turn: Turn, maintenance: Maintenance): void {
  turn.state.maintenance = maintenance;
  const { windows, down } = maintenance;
  commit(turn, {
    $case: 'planMaintenance',
    value: {
      schedule: {
        windows: windows.map(({ machines, unavailability }) => ({
          machineIds: machines.map(machineToRecord),
          unavailability,
        })),
      },
      downMachines: [...down.values()].map(machineToRecord),
    },
  });
  for (const agent of turn.state.agents.values()) planAgent(turn, agent);
}

function planAgent(turn: Turn, agent: Agent): void {
  const planned = unavailabilityOf(turn.state.maintenance, agent);
  if (sameWindow(agent.unavailability, planned)) return;
  agent.unavailability = planned;
  rescindInverseOffers(turn, agent);
  rescindAgentOffers(turn, agent);
  if (agent.membership === 'active' || agent.membership === 'disconnected')
    tellAllocator(turn, { kind: 'unavailabilityChanged', agentId: agent.id, unavailability: planned });
}

/** One that is away already is refused when it comes back. */
function takeDown(turn: Turn, agent: Agent, machine: Machine): void {
  if (agent.membership !== 'active' && agent.membership !== 'disconnected') return;
  const why = `its machine ${machineName(machine)} is in maintenance`;
  dismiss(turn, agent, {
    why,
    taskState: 'TASK_GONE',
    reason: 'REASON_AGENT_REMOVED',
    refusal: why,
  });
}

function firstRefused(
  machines: readonly Machine[],
  why: (machine: Machine) => string | undefined,
): Failure | undefined {
  for (const machine of machines) {
    const refused = why(machine);
    if (refused !== undefined) return failure('conflict', `machine ${machineName(machine)} ${refused}`);
  }
  return undefined;
}

function sameWindow(a: Unavailability | undefined, b: Unavailability | undefined): boolean {
  return (
    (a === undefined) === (b === undefined) &&
    a?.start?.nanoseconds === b?.start?.nanoseconds &&
    a?.duration?.nanoseconds === b?.duration?.nanoseconds
  );
}

/** A machine as it is recorded and shown. */
export function machineToRecord({ hostname, ip }: Machine) {
  return { ...(hostname !== '' && { hostname }), ...(ip !== '' && { ip }) };
}
