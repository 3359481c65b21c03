import { allocator, type MachineID, type maintenance } from '@meseta/protocol';
import { machineToRecord } from '../state/maintenance';
import { isOn, machineKey, type Machine, type MaintenanceWindow } from '../state/machines';
import type { MasterView } from '../state/state';
import { timeInfo } from './times';

export function scheduleToProto(windows: readonly MaintenanceWindow[]): maintenance.Schedule {
  return {
    windows: windows.map(({ machines, unavailability }) => ({
      machineIds: machines.map(machineToRecord),
      unavailability,
    })),
  };
}

/** Machines whose window was not started, with what frameworks said of each of their agents; and machines that are in maintenance (M45). */
export function maintenanceStatusOf(view: MasterView): maintenance.ClusterStatus {
  const { windows, down } = view.maintenance;
  const draining = windows.flatMap(({ machines }) => machines).filter((one) => !down.has(machineKey(one)));
  return {
    drainingMachines: draining.map((machine) => ({
      id: machineToRecord(machine),
      statuses: answersOn(view, machine),
    })),
    downMachines: [...down.values()].map((machine): MachineID => machineToRecord(machine)),
  };
}

function answersOn(view: MasterView, machine: Machine): allocator.InverseOfferStatus[] {
  return [...view.agents.values()]
    .filter((agent) => isOn(agent, machine))
    .flatMap(({ asked }) =>
      [...asked].map(([frameworkId, { status, at }]) => ({
        status: statuses[status],
        frameworkId: { value: frameworkId },
        timestamp: timeInfo(at),
      })),
    );
}

const statuses = {
  UNKNOWN: allocator.InverseOfferStatus_Status.UNKNOWN,
  ACCEPT: allocator.InverseOfferStatus_Status.ACCEPT,
  DECLINE: allocator.InverseOfferStatus_Status.DECLINE,
} as const;
