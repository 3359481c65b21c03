import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { isFailure, Resources, type Failure, type Resource } from '@meseta/model';
import { givenResources } from './given';

const bytesPerMegabyte = 1024 * 1024;
/** What is left to the machine itself, or half of what there is if that is less (R7). */
const memoryLeftMb = 1024;
const diskLeftMb = 5 * 1024;
/** What is offered where nothing can be found out (R7). */
const cpusFallback = 1;
const memoryFallbackMb = 1024;
const diskFallbackMb = 10 * 1024;
const ports = { begin: 31000, end: 32000 };

/** What a machine has; undefined where it cannot be found out. */
export interface Machine {
  readonly cpus: number | undefined;
  readonly memoryMb: number | undefined;
  readonly diskMb: number | undefined;
  readonly gpus: number;
}

/**
 * What the agent offers: what the operator gave, and for each of cpus, mem, disk, gpus and ports that was not named what this machine has.
 *
 * @param given the text of `--resources`, if any
 * @param gpus how many gpus there are to offer
 * @param defaultRole the role that all of it is reserved to, but for what names another; `*` reserves nothing
 */
export async function detectResources(
  given: string | undefined,
  workDir: string,
  gpus = 0,
  defaultRole = '*',
): Promise<Resources | Failure> {
  const said = givenResources(given, defaultRole);
  if (isFailure(said)) return said;
  const machine: Machine = {
    cpus: availableParallelism(),
    memoryMb: await memoryMb(),
    diskMb: await diskMb(workDir),
    gpus,
  };
  const found = resourcesOf(machine, defaultRole).filter(({ name }) => !said.names.has(name));
  return said.resources.add(Resources.of(found));
}

/** What is offered of a machine of which nothing was said. */
export function resourcesOf({ cpus, memoryMb, diskMb, gpus }: Machine, defaultRole: string): Resource[] {
  const scalars = {
    cpus: cpus ?? cpusFallback,
    mem: lessReserve(memoryMb, memoryLeftMb, memoryFallbackMb),
    disk: lessReserve(diskMb, diskLeftMb, diskFallbackMb),
    gpus,
  };
  const values: (readonly [string, Resource['value']])[] = [
    ...Object.entries(scalars).map(
      ([name, amount]) => [name, { kind: 'scalar', milli: amount * 1000 }] as const,
    ),
    ['ports', { kind: 'ranges', ranges: [ports] }],
  ];
  return values.map(([name, value]) => ({
    name,
    value,
    reservations: defaultRole === '*' ? [] : [{ type: 'STATIC', role: defaultRole }],
  }));
}

function lessReserve(totalMb: number | undefined, leftMb: number, fallbackMb: number): number {
  if (totalMb === undefined) return fallbackMb;
  return Math.floor(totalMb > 2 * leftMb ? totalMb - leftMb : totalMb / 2);
}

/** In a container the limit of its control group counts, not the machine's memory. */
async function memoryMb(): Promise<number | undefined> {
  const limits = await Promise.all(
    ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'].map((file) =>
      readFile(file, 'utf8').then(Number, () => NaN),
    ),
  );
  const bytes = Math.min(totalmem(), ...limits.filter((limit) => Number.isFinite(limit) && limit > 0));
  return bytes > 0 ? bytes / bytesPerMegabyte : undefined;
}

async function diskMb(workDir: string): Promise<number | undefined> {
  try {
    const { bsize, blocks } = await statfs(workDir);
    return (bsize * blocks) / bytesPerMegabyte;
  } catch {
    return undefined;
  }
}
