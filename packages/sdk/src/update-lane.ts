/** What an `UpdateLane` can do to its source. */
export interface UpdateSource {
  pause(): void;
  resume(): void;
}

/** Handlers that may be under way before the source is paused, and at which it is let on again. */
const underWayMax = 1000;
const underWayResume = 500;

/** Runs handlers so that those of one task follow each other, and pauses the source while too many are under way. */
export class UpdateLane {
  readonly #source: UpdateSource;
  readonly #last = new Map<string, Promise<void>>();
  #underWay = 0;
  #paused = false;

  constructor(source: UpdateSource) {
    this.#source = source;
  }

  /** Runs `handle` after the earlier ones of the same key. What it throws goes to `failed` and stops nothing. */
  run(key: string, handle: () => Promise<void>, failed: (error: unknown) => void): void {
    const before = this.#last.get(key);
    this.#underWay += 1;
    if (this.#underWay >= underWayMax && !this.#paused) {
      this.#paused = true;
      this.#source.pause();
    }
    // Without predecessor it runs in this turn: what it decides can then travel with what others decide.
    const turn = (before === undefined ? handle() : before.then(handle)).catch(failed).finally(() => {
      if (this.#last.get(key) === turn) this.#last.delete(key);
      this.#underWay -= 1;
      if (this.#paused && this.#underWay <= underWayResume) {
        this.#paused = false;
        this.#source.resume();
      }
    });
    this.#last.set(key, turn);
  }

  /** Settles when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }
}
