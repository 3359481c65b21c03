import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { isFailure, Resources, type Failure, type Resource } from '@meseta/model';

const bytesPerMegabyte = 1024 * 1024;
/** What is left to the machine itself, or half of what there is if that is less (R7). */
const memoryLeftMb = 1024;
const diskLeftMb = 5 * 1024;
/** What is offered where nothing can be found out (R7). */
const memoryFallbackMb = 1024;
const diskFallbackMb = 10 * 1024;
const ports = { begin: 31000, end: 32000 };

/**
 * What the agent offers: what the operator gave, and for each of cpus, mem, disk, gpus and ports that was not given what this machine has.
 *
 * @param given the text of `--resources`, if any
 * @param gpus how many gpus there are to offer
 */
export async function detectResources(
  given: string | undefined,
  workDir: string,
  gpus = 0,
): Promise<Resources | Failure> {
  const resources = given === undefined ? Resources.empty : Resources.parse(given);
  if (isFailure(resources)) return resources;
  const names = new Set(resources.entries.map(({ name }) => name));
  const found: Resource[] = [];
  const add = (name: string, value: Resource['value']): void => {
    if (!names.has(name)) found.push({ name, value, reservations: [] });
  };
  add('cpus', { kind: 'scalar', milli: availableParallelism() * 1000 });
  add('mem', { kind: 'scalar', milli: lessReserve(await memoryMb(), memoryLeftMb, memoryFallbackMb) * 1000 });
  add('disk', {
    kind: 'scalar',
    milli: lessReserve(await diskMb(workDir), diskLeftMb, diskFallbackMb) * 1000,
  });
  if (gpus > 0) add('gpus', { kind: 'scalar', milli: gpus * 1000 });
  add('ports', { kind: 'ranges', ranges: [ports] });
  return resources.add(Resources.of(found));
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
