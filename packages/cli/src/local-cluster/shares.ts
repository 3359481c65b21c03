import { availableParallelism, totalmem } from 'node:os';

/** What one machine has to share out. */
export interface MachineSize {
  readonly cpus: number;
  readonly memMb: number;
}

/** In a container the limit of its control group counts, not the machine's memory. */
function thisMachine(): MachineSize {
  const limit = process.constrainedMemory();
  const bytes = limit > 0 ? Math.min(totalmem(), limit) : totalmem();
  return { cpus: availableParallelism(), memMb: Math.floor(bytes / 2 ** 20) };
}

/** The ports that an agent offers by itself (Mesos's default). */
const firstPort = 31_000;
const lastPort = 32_000;
/** Left to the system and to the services. */
const reservedMb = 1024;

/**
 * Divides this machine between `agents` agents, so that together they offer it once: above all the same port must not be
 * offered twice. A single agent finds out by itself what there is, and more exactly: it gets no share.
 */
export function machineShares(
  agents: number,
  machine: MachineSize = thisMachine(),
): readonly (string | undefined)[] {
  if (agents === 1) return [undefined];
  const cpus = Math.max(0.001, Math.floor((machine.cpus / agents) * 1000) / 1000);
  const mem = Math.max(1, Math.floor(Math.max(machine.memMb / 2, machine.memMb - reservedMb) / agents));
  const ports = Math.floor((lastPort - firstPort + 1) / agents);
  return Array.from({ length: agents }, (_, index) => {
    const begin = firstPort + index * ports;
    return `cpus:${cpus};mem:${mem};ports:[${begin}-${begin + ports - 1}]`;
  });
}
