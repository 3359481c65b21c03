/** What it took: milliseconds of this process's processor time on all its threads, and of the clock on the wall. */
export interface Took {
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** Measures one go. */
export function measure(work: () => void): Took {
  const cpu = process.cpuUsage();
  const wall = process.hrtime.bigint();
  work();
  const wallMs = Number(process.hrtime.bigint() - wall) / 1e6;
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1000, wallMs };
}

/** Measures one go that ends later. */
export async function measureAsync(work: () => Promise<void>): Promise<Took> {
  const cpu = process.cpuUsage();
  const wall = process.hrtime.bigint();
  await work();
  const wallMs = Number(process.hrtime.bigint() - wall) / 1e6;
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1000, wallMs };
}

/** The median of what was measured, by processor time. */
export function median(all: readonly Took[]): Took {
  const middle = (of: (one: Took) => number): number => {
    const sorted = all.map(of).sort((a, b) => a - b);
    return sorted[sorted.length >>> 1] ?? NaN;
  };
  return { cpuMs: middle((one) => one.cpuMs), wallMs: middle((one) => one.wallMs) };
}

/** Bytes of live JavaScript objects and array buffers; collects garbage first (needs --expose-gc). */
export function liveBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
