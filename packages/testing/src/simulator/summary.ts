import { faultKinds, type FaultKind } from './faults';
import type { RunReport } from './simulation';

/** The figures of many runs together. */
export class Summary {
  runs = 0;
  events = 0;
  checks = 0;
  virtualMs = 0;
  launched = 0;
  started = 0;
  readonly faults = new Map<FaultKind, number>();
  readonly broken: RunReport[] = [];

  add(report: RunReport): void {
    this.runs += 1;
    this.events += report.events;
    this.checks += report.checks;
    this.virtualMs += report.virtualMs;
    this.launched += report.launched;
    this.started += report.started;
    for (const [kind, count] of report.faults) this.faults.set(kind, (this.faults.get(kind) ?? 0) + count);
    if (report.broken !== undefined) this.broken.push(report);
  }

  /** @param cpuSeconds what the runs took together, on however many cores */
  lines(cpuSeconds: number): readonly string[] {
    const injected = [...this.faults.values()].reduce((sum, one) => sum + one, 0);
    const kinds = (Object.keys(faultKinds) as FaultKind[])
      .filter((kind) => this.faults.has(kind))
      .map((kind) => `${kind} ${number(this.faults.get(kind) ?? 0)}`);
    return [
      `${number(this.runs)} runs, ${(this.virtualMs / 3_600_000).toFixed(1)} virtual hours`,
      `${number(this.events)} events, ${number(this.events / Math.max(cpuSeconds, 0.001))} a second on one core; ${number(this.checks)} steps checked`,
      `${number(this.launched)} tasks launched, ${number(this.started)} started`,
      `${number(injected)} faults: ${kinds.join(', ')}`,
    ];
  }
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
