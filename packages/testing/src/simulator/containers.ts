import type { ContainerId } from '@meseta/model';
import type { Exit, OwnerKey, Recovered } from '@meseta/agent/core';
import type { Time } from './agenda';
import type { Random } from './random';

/** What a simulated program does: runs for a time, then exits; or is deaf to being asked to end. */
export interface Program {
  readonly runsMs: number;
  readonly status: number;
  readonly deaf: boolean;
}

/** `run 5000 0`: for five seconds, then status 0; with `deaf` it does not end when asked politely. Anything else runs for ever. */
export function programOf(command: string | undefined): Program {
  const [verb, ms, status, deaf] = (command ?? '').split(' ');
  if (verb !== 'run') return { runsMs: Number.POSITIVE_INFINITY, status: 0, deaf: false };
  return { runsMs: Number(ms), status: Number(status), deaf: deaf === 'deaf' };
}

export interface SimContainer {
  readonly id: ContainerId;
  readonly key: OwnerKey;
  readonly cpusMilli: number;
  phase: 'starting' | 'running' | 'ended';
  exit: Exit | undefined;
}

/** Who is told of what happens to containers: the agent's process, while it lives. */
export interface ContainerListener {
  started(container: SimContainer): void;
  failed(container: SimContainer, message: string): void;
  ended(container: SimContainer, exit: Exit): void;
}

/** The containers of one machine. They outlive the agent's process, and die with the machine. */
export class MachineContainers {
  readonly containers = new Map<ContainerId, SimContainer>();
  listener: ContainerListener | undefined;
  /** How many containers ran at once, by their cpus, at most. */
  starts = 0;

  constructor(
    private readonly agenda: Time,
    private readonly random: Random,
    private readonly told: (container: SimContainer) => void,
    /** How likely it is that a container cannot be started. */
    private readonly failing: () => number,
  ) {}

  /** What runs here, in thousandths of a cpu. */
  get runningMilli(): number {
    let milli = 0;
    for (const one of this.containers.values()) if (one.phase === 'running') milli += one.cpusMilli;
    return milli;
  }

  start(id: ContainerId, key: OwnerKey, cpusMilli: number, program: Program): void {
    const container: SimContainer = { id, key, cpusMilli, phase: 'starting', exit: undefined };
    this.containers.set(id, container);
    this.agenda.after(this.random.skewed(5, 300), () => {
      if (container.phase !== 'starting') return;
      if (this.random.chance(this.failing())) {
        this.containers.delete(id);
        this.listener?.failed(container, 'the program is not there');
        return;
      }
      container.phase = 'running';
      this.starts += 1;
      this.told(container);
      this.listener?.started(container);
      if (Number.isFinite(program.runsMs))
        this.agenda.after(program.runsMs, () =>
          this.#end(container, { kind: 'exited', status: program.status }),
        );
    });
    this.#programs.set(id, program);
  }

  readonly #programs = new Map<ContainerId, Program>();

  terminate(id: ContainerId): void {
    const container = this.containers.get(id);
    if (container === undefined || this.#programs.get(id)?.deaf === true) return;
    this.agenda.after(this.random.skewed(1, 500), () =>
      this.#end(container, { kind: 'signaled', signal: 'SIGTERM' }),
    );
  }

  destroy(id: ContainerId): void {
    const container = this.containers.get(id);
    if (container === undefined) return;
    this.agenda.after(this.random.skewed(1, 50), () =>
      this.#end(container, { kind: 'signaled', signal: 'SIGKILL' }),
    );
  }

  release(id: ContainerId): void {
    this.containers.delete(id);
    this.#programs.delete(id);
  }

  /** The machine goes down with all that runs on it. */
  reboot(): void {
    for (const container of this.containers.values()) container.phase = 'ended';
    this.containers.clear();
    this.#programs.clear();
  }

  /** What the agent's record does not know is nobody's: it is ended and forgotten. */
  endUnknown(known: ReadonlySet<ContainerId>): void {
    for (const container of [...this.containers.values()]) {
      if (known.has(container.id)) continue;
      container.phase = 'ended';
      this.release(container.id);
    }
  }

  /** What is left of a container after a restart of the agent. */
  find(id: ContainerId): Recovered['found'] {
    const container = this.containers.get(id);
    if (container === undefined) return { kind: 'neverStarted' };
    if (container.phase === 'starting') {
      // The supervisor was told to start it and has not: it never will, now that nobody waits.
      container.phase = 'ended';
      this.containers.delete(id);
      return { kind: 'neverStarted' };
    }
    if (container.phase === 'running') return { kind: 'running', facts: {} };
    return { kind: 'ended', exit: container.exit ?? { kind: 'lost', message: 'nobody saw how it ended' } };
  }

  #end(container: SimContainer, exit: Exit): void {
    if (container.phase !== 'running') return;
    container.phase = 'ended';
    container.exit = exit;
    this.listener?.ended(container, exit);
  }
}
