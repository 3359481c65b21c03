import { megabytesOf } from '../../effects/start-progress';

/** What the daemon says while it pulls, one line for each thing that happens to a layer. */
export interface PullEvent {
  readonly id?: string;
  readonly status?: string;
  /** Why the pull has failed. */
  readonly error?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}

interface Layer {
  current: number;
  total: number;
  done: boolean;
}

/** Sums up the lines of one pull. */
export class PullProgress {
  private readonly layers = new Map<string, Layer>();

  /** @returns whether there is something new to say */
  take({ id, status, progressDetail }: PullEvent): boolean {
    if (id === undefined || status === undefined || status.startsWith('Pulling from')) return false;
    const layer = this.layers.get(id) ?? { current: 0, total: 0, done: false };
    this.layers.set(id, layer);
    if (status === 'Downloading') {
      layer.current = progressDetail?.current ?? layer.current;
      layer.total = progressDetail?.total ?? layer.total;
    } else if (status === 'Download complete' || status === 'Verifying Checksum') {
      layer.current = layer.total;
    } else if (status === 'Pull complete' || status === 'Already exists') {
      layer.done = true;
    }
    return true;
  }

  words(): string {
    const layers = [...this.layers.values()];
    const sum = (key: 'current' | 'total'): number => layers.reduce((all, one) => all + one[key], 0);
    const there = layers.filter(({ done }) => done).length;
    return `${there} of ${layers.length} layers, ${megabytesOf(sum('current'), sum('total'))}`;
  }
}
