import type { Clock, Timers } from '@meseta/kit';
import type { Command } from './state/command';
import { isWrite, type Act, type Effect, type Write } from './state/effect';
import { nextDeadline, type AgentState } from './state/state';
import { step } from './state/step';

/** The world, as the loop needs it. Production wires it to disk, network and runtimes; tests wire it to arrays. */
export interface World {
  /** Notes what must be durable. */
  write(write: Write): void;
  /** Resolves once everything noted is durable; a rejection ends the agent. */
  commit(): Promise<void>;
  /** Starts something and returns. How it went comes back as a command. */
  perform(act: Act): void;
  /** A turn is over; its commands took so long, without the writes. */
  turned(seconds: number): void;
  /** Nothing can be relied on any more: a write failed, or the core broke an invariant. */
  failed(error: unknown): void;
}

/** Commands that wait for a turn. At the bound the stream from the master is paused until half are taken. */
export const commandsQueuedMax = 20_000;

/**
 * Takes all that has arrived, steps it, makes it durable at once, and only then lets the other effects out.
 *
 * While one turn's writes become durable the next turn's commands gather, so the slower the disk the larger the batch.
 */
export class Loop {
  private arrived: Command[] = [];
  private turning = false;
  private cancelTick: () => void = () => undefined;
  private tickAt: number | undefined;
  private stopped = false;
  private idle: (() => void)[] = [];
  private relieved: (() => void)[] = [];

  constructor(
    readonly state: AgentState,
    private readonly world: World,
    private readonly clock: Clock,
    private readonly timers: Timers,
  ) {}

  /** How many commands wait. */
  get queued(): number {
    return this.arrived.length;
  }

  /** Takes a command for the next turn. */
  push(command: Command): void {
    if (this.stopped) return;
    this.arrived.push(command);
    if (!this.turning) {
      this.turning = true;
      setImmediate(() => void this.run());
    }
  }

  /** Whether those who can wait should; `fn` is called when they need not any more. */
  isFull(fn: () => void): boolean {
    if (this.arrived.length < commandsQueuedMax) return false;
    this.relieved.push(fn);
    return true;
  }

  /** Resolves when nothing waits and nothing is under way. */
  settle(): Promise<void> {
    return this.turning ? new Promise((resolve) => this.idle.push(resolve)) : Promise.resolve();
  }

  /** Takes no more commands. */
  stop(): void {
    this.stopped = true;
    this.cancelTick();
  }

  private async run(): Promise<void> {
    try {
      while (this.arrived.length > 0) await this.turn();
    } catch (error) {
      this.stop();
      this.world.failed(error);
    }
    this.turning = false;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private async turn(): Promise<void> {
    const commands = this.arrived;
    this.arrived = [];
    for (const resume of this.relieved.splice(0)) resume();
    const now = this.clock.now();
    const startedMs = performance.now();
    const acts: Act[] = [];
    const writes: Write[] = [];
    for (const command of commands) sort(step(this.state, command, now), writes, acts);
    const seconds = (performance.now() - startedMs) / 1000;
    if (writes.length > 0) {
      for (const write of onceEach(writes)) this.world.write(write);
      await this.world.commit();
    }
    for (const act of acts) this.world.perform(act);
    this.world.turned(seconds);
    this.plan();
  }

  /** Asks to be woken at the next deadline, unless that is arranged already. */
  private plan(): void {
    const at = nextDeadline(this.state);
    if (at === this.tickAt || this.stopped) return;
    this.cancelTick();
    this.tickAt = at;
    if (at === undefined) return;
    this.cancelTick = this.timers.after(Math.max(0, at - this.clock.now()), () => {
      this.tickAt = undefined;
      this.push({ kind: 'tick' });
    });
  }
}

function sort(effects: readonly Effect[], writes: Write[], acts: Act[]): void {
  for (const effect of effects) {
    if (isWrite(effect)) writes.push(effect);
    else acts.push(effect);
  }
}

/** A write takes the state as it is at the end of the turn, so a task that changed five times is written once. */
function onceEach(writes: readonly Write[]): Iterable<Write> {
  const once = new Map<string, Write>();
  for (const write of writes) once.set(nameOf(write), write);
  return once.values();
}

function nameOf(write: Write): string {
  switch (write.kind) {
    case 'saveAgent':
    case 'forgetAgent':
      return 'agent';
    case 'saveFramework':
    case 'forgetFramework':
      return `framework ${write.frameworkId}`;
    case 'saveNewExecutor':
    case 'saveNewTask':
      return `new ${write.key}`;
    case 'saveExecutor':
      return `executor ${write.key}`;
    case 'forgetExecutor':
      return `executor ${write.executor.key}`;
    case 'saveOperation':
    case 'forgetOperation':
      return `operation ${write.uuid}`;
    case 'saveTask':
      return `task ${write.key}`;
    case 'forgetTask':
      return `task ${write.task.key}`;
  }
}
