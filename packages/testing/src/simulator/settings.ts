import { fixedOptions, type MasterOptions } from '@meseta/master/core';
import { goodTemper, type Temper } from './framework-node';
import type { Random } from './random';

/** Everything about a run that its seed decides, but for the faults. */
export interface Settings {
  readonly masters: number;
  readonly registries: number;
  readonly agents: number;
  /** The cpus of each agent. */
  readonly cpus: number;
  readonly frameworks: readonly FrameworkSettings[];
  /** For how long faults are injected and frameworks launch. Milliseconds of virtual time. */
  readonly chaosMs: number;
  readonly leaseTtlMs: number;
  /** For how many times the lease masters believe that they lead. */
  readonly belief: number;
  readonly options: MasterOptions;
  /** How far clocks are apart, at most, and how much faster they go. */
  readonly skewMaxMs: number;
  readonly driftMax: number;
}

export interface FrameworkSettings {
  readonly temper: Temper;
  readonly partitionAware: boolean;
  readonly failoverTimeoutMs: number;
  readonly tasksAtOnce: number;
  readonly tasksMax: number;
}

/** Draws a small cluster. Small ones meet the same trouble as large ones, and far more often. */
export function drawSettings(random: Random): Settings {
  const frameworks: FrameworkSettings[] = [];
  for (let i = 0; i < random.int(1, 4); i++) frameworks.push(drawFramework(random));
  return {
    masters: random.int(1, 3),
    registries: random.int(1, 2),
    agents: random.int(1, 5),
    cpus: random.pick([2, 4, 8]),
    frameworks,
    chaosMs: random.int(60_000, 900_000),
    leaseTtlMs: 2000,
    belief: random.pick([1, 1, 1, 10]),
    options: {
      pingIntervalMs: random.pick([1000, 5000, 15_000]),
      pingsMissedMax: random.int(2, 5),
      agentReregisterTimeoutMs: random.pick([30_000, 120_000, 600_000]),
      frameworkReregisterTimeoutMs: random.pick([10_000, 60_000]),
      offerTimeoutMs: random.pick([2000, 20_000, 300_000]),
      ...fixedOptions,
      agentRemovalIntervalMs: random.pick([0, 0, 20_000]),
    },
    skewMaxMs: random.pick([0, 5000, 3_600_000]),
    driftMax: random.pick([0, 0.001, 0.02]),
  };
}

function drawFramework(random: Random): FrameworkSettings {
  const often = (probability: number): number => (random.chance(0.4) ? random.next() * probability : 0);
  const temper: Temper = {
    ...goodTemper,
    thinksMs: random.pick([0, 0, 1000, 30_000]),
    hoards: often(0.5),
    acceptsTwice: often(0.2),
    acknowledgesWrongly: often(0.3),
    forgets: often(0.3),
    kills: often(0.5),
    operates: often(0.5),
    groups: often(0.7),
    errs: often(0.1),
  };
  return {
    temper,
    partitionAware: random.chance(0.7),
    failoverTimeoutMs: random.pick([0, 30_000, 3_600_000]),
    tasksAtOnce: random.int(1, 8),
    tasksMax: random.int(5, 120),
  };
}
