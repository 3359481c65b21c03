// Prints what the allocator costs, workload for workload as Mesos's own benchmarks measure theirs. The figures beside ours are of Mesos 1.12 (C++, -O2) on a machine of the same kind: ratios
// of processor time, medians, and no more than a size.

import { Report } from './report';
import { overStream } from './workloads/over-stream';
import { addUpdate } from './workloads/add-update';
import { decline } from './workloads/decline';
import { explainWaiting } from './workloads/explain';
import { freedAgent } from './workloads/freed-agent';
import { labels } from './workloads/labels';
import { launchMix } from './workloads/launch-mix';
import { quota } from './workloads/quota';
import { suppress } from './workloads/suppress';

async function main(): Promise<void> {
  const only = process.argv[2];
  const report = new Report((line) => console.log(line));
  const workloads: readonly (readonly [string, () => void | Promise<void>])[] = [
    [
      'decline',
      () => decline(report, { agents: 1000, frameworks: 50, mesos: { offers: 44, filtered: 248 } }),
    ],
    ['decline', () => decline(report, { agents: 1000, frameworks: 200, mesos: { filtered: 1050 } })],
    ['decline', () => decline(report, { agents: 1000, frameworks: 1000, mesos: { filtered: 6320 } })],
    [
      'decline',
      () => decline(report, { agents: 5000, frameworks: 200, mesos: { offers: 296, filtered: 6600 } }),
    ],
    [
      'decline',
      () => decline(report, { agents: 10_000, frameworks: 50, mesos: { offers: 563, filtered: 3000 } }),
    ],
    [
      'decline',
      () =>
        decline(report, {
          agents: 10_000,
          frameworks: 200,
          mesos: { offers: 667, filtered: 13_500, add: 745, declineEach: 0.079 },
        }),
    ],
    ['decline', () => decline(report, { agents: 20_000, frameworks: 200, mesos: { offers: 1340 } })],
    ['decline-large', () => decline(report, { agents: 50_000, frameworks: 200 })],
    ['suppress', () => suppress(report, { agents: 10_000, frameworks: 200, mesos: { offers: 343 } })],
    ['suppress', () => suppress(report, { agents: 20_000, frameworks: 200, mesos: { offers: 694 } })],
    ['suppress', () => suppress(report, { agents: 10_000, frameworks: 200 }, true)],
    [
      'add-update',
      () => addUpdate(report, { agents: 10_000, frameworks: 200, mesos: { add: 745, update: 435 } }),
    ],
    [
      'add-update',
      () => addUpdate(report, { agents: 20_000, frameworks: 1000, mesos: { add: 1563, update: 1091 } }),
    ],
    ['quota', () => quota(report, 2500, 500, { add: 16_490, first: 9120, next: 7750 })],
    ['launch-mix', () => launchMix(report)],
    ['labels', () => labels(report, { agents: 10_000, frameworks: 50, mesos: { offers: 683 } })],
    ['explain', () => explainWaiting(report, 10_000, 100)],
    ['freed-agent', () => freedAgent(report, { agents: 50_000, frameworks: 200 })],
    ['stream', () => overStream(report, { agents: 1000, frameworks: 50 })],
    ['stream', () => overStream(report, { agents: 10_000, frameworks: 200 })],
  ];
  // What runs first would be measured while it is compiled.
  decline(new Report(() => undefined), { agents: 1000, frameworks: 50 });
  for (const [name, run] of workloads) if (only === undefined || name === only) await run();
}

void main();
