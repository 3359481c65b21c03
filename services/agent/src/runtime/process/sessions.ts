import { processesOfSessions, signal } from './proc';

/** Ends tasks where there are no control groups: a task is its session then. */
export class Sessions {
  private toEnd = new Set<number>();
  private ending: Promise<void> = Promise.resolve();

  /** Resolves when everything in a session was told to end. All that end while a look at the machine's processes is under way share the next. */
  end(session: number): Promise<void> {
    this.toEnd.add(session);
    if (this.toEnd.size > 1) return this.ending;
    this.ending = this.ending.then(async () => {
      const sessions = this.toEnd;
      this.toEnd = new Set();
      for (const pid of await processesOfSessions(sessions)) signal(pid, 'SIGKILL');
    });
    return this.ending;
  }
}
