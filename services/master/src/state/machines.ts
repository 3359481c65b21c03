import type { Unavailability } from '@meseta/protocol';
import type { Agent } from './state';

/** A machine by host name, by numeric address or by both; what is not set is empty. */
export interface Machine {
  readonly hostname: string;
  readonly ip: string;
}

/** Machines that will be away together. */
export interface MaintenanceWindow {
  readonly machines: readonly Machine[];
  readonly unavailability: Unavailability;
}

/** The planned windows, and those of their machines that are in maintenance, by key. */
export interface Maintenance {
  readonly windows: readonly MaintenanceWindow[];
  readonly down: ReadonlyMap<string, Machine>;
}

/** What makes two names of a machine the same: host names are compared without regard to case. */
export function machineKey({ hostname, ip }: Machine): string {
  return `${hostname.toLowerCase()} ${ip}`;
}

export function machineName({ hostname, ip }: Machine): string {
  return [hostname, ip].filter((part) => part !== '').join(' ');
}

/** Whether an agent stands on a machine: all that is set must match. */
export function isOn(agent: Pick<Agent, 'hostname' | 'grpcAddress'>, { hostname, ip }: Machine): boolean {
  return (
    (hostname === '' || hostname.toLowerCase() === agent.hostname.toLowerCase()) &&
    (ip === '' || ip === ipOf(agent))
  );
}

/** When an agent's machine will be away; the first window that names it counts. */
export function unavailabilityOf(
  { windows }: Maintenance,
  agent: Pick<Agent, 'hostname' | 'grpcAddress'>,
): Unavailability | undefined {
  return windows.find(({ machines }) => machines.some((machine) => isOn(agent, machine)))?.unavailability;
}

/** The machine in maintenance that an agent stands on, if it does. */
export function downMachineOf(
  { down }: Maintenance,
  agent: Pick<Agent, 'hostname' | 'grpcAddress'>,
): Machine | undefined {
  for (const machine of down.values()) if (isOn(agent, machine)) return machine;
  return undefined;
}

/** The host of `host:port`, without the brackets of an IPv6 address. */
function ipOf({ grpcAddress }: Pick<Agent, 'grpcAddress'>): string {
  const cut = grpcAddress.lastIndexOf(':');
  return (cut < 0 ? grpcAddress : grpcAddress.slice(0, cut)).replace(/^\[|\]$/g, '');
}
