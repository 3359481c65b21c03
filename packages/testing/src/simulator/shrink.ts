import type { Fault } from './faults';
import { Simulation, type RunPlan, type RunReport } from './simulation';

/** How many runs a search for a shorter story may take. */
const triesMax = 300;

/** A run that breaks the same promise with as few faults, nodes and minutes as could be found. */
export interface Shrunk {
  readonly plan: RunPlan;
  readonly report: RunReport;
  readonly tries: number;
}

/**
 * Shortens a run that broke a promise: fewer faults (delta debugging, Zeller and Hildebrandt 2002), then a shorter time, then fewer frameworks
 * that are good. What each part of a run draws depends on the seed and on its own name only, so that what is left does what it did before.
 */
export function shrink(
  failed: Pick<Simulation, 'plan' | 'settings' | 'faults'>,
  report: RunReport,
  run: (plan: RunPlan) => RunReport = (plan) => new Simulation(plan).run(),
): Shrunk {
  let tries = 0;
  let best: RunPlan = { seed: failed.plan.seed, settings: failed.settings, faults: failed.faults };
  let told = report;
  const promise = promiseOf(report.broken);
  const breaks = (plan: RunPlan): boolean => {
    if (tries >= triesMax) return false;
    tries += 1;
    const now = run(plan);
    if (now.broken === undefined || promiseOf(now.broken) !== promise) return false;
    best = plan;
    told = now;
    return true;
  };
  shorten(best, report, breaks);
  shrinkFaults(best, (faults) => breaks({ ...best, faults }));
  shorten(best, told, breaks);
  return { plan: best, report: told, tries };
}

/** What happened after the end is of no use: a run that broke in the middle needs no more than that. */
function shorten(plan: RunPlan, report: RunReport, breaks: (plan: RunPlan) => boolean): void {
  const { settings } = plan;
  if (settings === undefined) return;
  for (const part of [0.25, 0.5, 0.75]) {
    const chaosMs = Math.round(Math.min(settings.chaosMs, report.virtualMs) * part);
    const faults = plan.faults?.filter(({ atMs }) => atMs < chaosMs);
    if (breaks({ ...plan, faults, settings: { ...settings, chaosMs } })) return;
  }
}

/** Takes ever smaller parts of the list away, as long as the promise stays broken without them. */
function shrinkFaults(plan: RunPlan, breaksWith: (faults: readonly Fault[]) => boolean): void {
  let faults = plan.faults ?? [];
  for (let parts = 2; faults.length > 0;) {
    const size = Math.ceil(faults.length / parts);
    let taken = false;
    for (let from = 0; from < faults.length; from += size) {
      const without = [...faults.slice(0, from), ...faults.slice(from + size)];
      if (!breaksWith(without)) continue;
      faults = without;
      taken = true;
      break;
    }
    if (taken) parts = Math.max(2, parts - 1);
    else if (size === 1) return;
    else parts = Math.min(faults.length, parts * 2);
  }
}

/** `I4` of `I4: …`; what a run that did not settle left is one promise. */
function promiseOf(broken: string | undefined): string {
  return /^(I\d+|M\d+|A\d+|not settled)/.exec(broken ?? '')?.[1] ?? broken ?? '';
}
