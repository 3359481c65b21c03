import type { Took } from './measure';

/** One line of the table. */
export interface Line {
  readonly workload: string;
  readonly size: string;
  /** Milliseconds (or what `unit` says): processor and wall. */
  /** Undefined for a line that is not of time. */
  readonly took?: Took;
  /** What Mesos takes for the same, processor milliseconds; from performance measurements of Mesos 1.12 with its own benchmarks. */
  readonly mesosMs?: number;
  readonly goal: string;
  readonly note?: string;
}

const columns = [
  'workload',
  'size',
  'cpu ms',
  'wall ms',
  'Mesos ms',
  'times faster',
  'goal',
  'note',
] as const;

/** Prints lines as they come, in columns. */
export class Report {
  private readonly widths = [38, 15, 10, 10, 9, 12, 16, 0];

  constructor(private readonly print: (line: string) => void) {
    this.row([...columns]);
  }

  line({ workload, size, took, mesosMs, goal, note }: Line): void {
    this.row([
      workload,
      size,
      took === undefined ? '' : shown(took.cpuMs),
      took === undefined ? '' : shown(took.wallMs),
      mesosMs === undefined ? '' : String(mesosMs),
      mesosMs === undefined || took === undefined ? '' : `${Math.round(mesosMs / cpuMsOf(took))}`,
      goal,
      note ?? '',
    ]);
  }

  private row(cells: readonly string[]): void {
    this.print(
      cells
        .map((cell, at) => cell.padEnd(this.widths[at] ?? 0))
        .join(' ')
        .trimEnd(),
    );
  }
}

/** What is below the resolution of the processor clock is told by the wall clock. */
function cpuMsOf({ cpuMs, wallMs }: Took): number {
  return cpuMs > 1 ? cpuMs : Math.min(wallMs, cpuMs || wallMs);
}

function shown(ms: number): string {
  return ms >= 100 ? ms.toFixed(0) : ms >= 1 ? ms.toFixed(1) : ms.toFixed(4);
}
