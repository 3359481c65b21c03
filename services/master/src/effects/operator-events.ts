import type { master } from '@meseta/protocol';

/** How many events are kept for those who resume. */
export const eventsKeptMax = 10_000;
/** How far a watcher may fall behind before it is told to start again. */
export const eventsUnreadMax = 10_000;

interface Kept {
  readonly sequence: number;
  readonly event: master.Event;
}

/** One operator who watches. */
export interface Watcher {
  /** A batch of events, and where to resume behind the last of them. */
  receive(events: readonly master.Event[], resume: string): void;
  /** How many events wait to be read. */
  readonly unread: number;
  /** It does not read fast enough. */
  overflow(): void;
}

/** The cluster's events of one term, with a bounded past: a watcher that comes back resumes where it was. */
export class OperatorEvents {
  readonly #kept: Kept[] = [];
  readonly #watchers = new Set<Watcher>();
  #sequence = 0;
  #unsent: master.Event[] = [];

  constructor(
    private readonly term: number,
    /** Told when a watcher has fallen too far behind. */
    private readonly refused: (events: number) => void = () => undefined,
  ) {}

  /** Where to resume from to see everything after now. */
  get resume(): string {
    return `${this.term}-${this.#sequence}`;
  }

  add(event: master.Event): void {
    this.#sequence += 1;
    this.#kept.push({ sequence: this.#sequence, event });
    if (this.#kept.length > 2 * eventsKeptMax) this.#kept.splice(0, this.#kept.length - eventsKeptMax);
    if (this.#watchers.size === 0) return;
    if (this.#unsent.length === 0) setImmediate(() => this.#send());
    this.#unsent.push(event);
  }

  /** How many events wait for the watcher for whom most wait. */
  get queuedMost(): number {
    let most = 0;
    for (const { unread } of this.#watchers) most = Math.max(most, unread);
    return most;
  }

  /** Events after a resume point; undefined when they are no longer kept, or it is of another term. */
  after(resume: string): readonly master.Event[] | undefined {
    const [term, sequence] = resume.split('-').map(Number);
    if (term !== this.term || sequence === undefined || Number.isNaN(sequence) || sequence > this.#sequence)
      return undefined;
    const oldest = this.#kept[0]?.sequence ?? this.#sequence + 1;
    if (sequence + 1 < oldest) return undefined;
    return this.#kept.filter((kept) => kept.sequence > sequence).map((kept) => kept.event);
  }

  watch(watcher: Watcher): () => void {
    // What was not sent yet is in what the watcher starts from.
    this.#send();
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  #send(): void {
    const events = this.#unsent;
    this.#unsent = [];
    if (events.length === 0) return;
    for (const watcher of this.#watchers) {
      if (watcher.unread > eventsUnreadMax) {
        this.#watchers.delete(watcher);
        this.refused(events.length);
        watcher.overflow();
      } else watcher.receive(events, this.resume);
    }
  }
}
