import type { ContainerId } from '@meseta/model';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { Exit } from '../state/command';
import type { ContainerFacts } from '../state/state';
import type {
  ContainerRuntime,
  ContainerSpec,
  ContainerUsage,
  EndListener,
  AttachSession,
  ExecSession,
  KnownContainer,
  RecoveredContainer,
  RunResult,
} from './container-runtime';

/** What a pretended container does. */
export interface FakeConduct {
  /** How long it runs by itself. Milliseconds; 0 ends in the next turn of the event loop. */
  readonly runMs: number;
  readonly status: number;
  /** How it ends when it is asked to; unset if it does not. */
  readonly onTerm: Exit | undefined;
}

interface FakeContainer {
  readonly conduct: FakeConduct;
  exit: Exit | undefined;
  cancel: () => void;
  listener: EndListener;
}

/** The machine that pretended containers live on: it outlives a runtime, as a real one does. */
export class FakeMachine {
  readonly containers = new Map<ContainerId, FakeContainer>();
}

export interface FakeRuntimeOptions {
  readonly onEnd: EndListener;
  /** How long a container runs whose command says nothing else. */
  readonly delayMs?: number;
  /** One of its own if unset. */
  readonly machine?: FakeMachine;
  readonly conductOf?: (spec: ContainerSpec) => FakeConduct;
}

/**
 * Containers that do nothing: for tests, and for benchmarks of everything around a container.
 *
 * The conduct of each is read off its command where that is one that a test uses (`exit N`, `sleep S`, `trap '…' TERM`), else it ends with
 * status 0 after `delayMs`.
 */
export class FakeRuntime implements ContainerRuntime {
  readonly name = 'fake';
  readonly usesSandbox = false;
  readonly keepsLimits = true;

  private readonly machine: FakeMachine;

  constructor(private readonly options: FakeRuntimeOptions) {
    this.machine = options.machine ?? new FakeMachine();
  }

  recover(known: readonly KnownContainer[]): Promise<readonly RecoveredContainer[]> {
    const expected = new Set(known.map(({ containerId }) => containerId));
    for (const [containerId, container] of this.machine.containers) {
      container.listener = this.options.onEnd;
      if (expected.has(containerId)) continue;
      container.cancel();
      this.machine.containers.delete(containerId);
    }
    return Promise.resolve(
      known.map(({ containerId, ran, isGroup }) =>
        isGroup === true ? { kind: 'running', facts: {} } : this.find(containerId, ran),
      ),
    );
  }

  private find(containerId: ContainerId, ran: boolean): RecoveredContainer {
    const container = this.machine.containers.get(containerId);
    if (container?.exit !== undefined) return { kind: 'ended', exit: container.exit };
    if (container !== undefined) return { kind: 'running', facts: {} };
    return ran
      ? { kind: 'ended', exit: { kind: 'lost', message: 'The container is gone' } }
      : { kind: 'neverStarted' };
  }

  start(spec: ContainerSpec): Promise<ContainerFacts> {
    if (spec.command?.value === undefined) {
      return Promise.reject(
        new FailureError(failure('invalid', 'the task must have a command', { field: 'command' })),
      );
    }
    const conduct =
      this.options.conductOf?.(spec) ?? conductOf(spec.command.value, this.options.delayMs ?? 0);
    const container: FakeContainer = {
      conduct,
      exit: undefined,
      cancel: () => undefined,
      listener: this.options.onEnd,
    };
    this.machine.containers.set(spec.containerId, container);
    const finish = (): void => this.end(spec.containerId, { kind: 'exited', status: conduct.status });
    if (conduct.runMs === 0) {
      const immediate = setImmediate(finish);
      container.cancel = () => clearImmediate(immediate);
    } else {
      const timer = setTimeout(finish, conduct.runMs);
      container.cancel = () => clearTimeout(timer);
    }
    return Promise.resolve({});
  }

  terminate(containerId: ContainerId): Promise<void> {
    const exit = this.machine.containers.get(containerId)?.conduct.onTerm;
    if (exit !== undefined) this.end(containerId, exit);
    return Promise.resolve();
  }

  destroy(containerId: ContainerId): Promise<void> {
    this.end(containerId, { kind: 'signaled', signal: 'SIGKILL' });
    return Promise.resolve();
  }

  release(containerId: ContainerId): Promise<void> {
    this.machine.containers.delete(containerId);
    return Promise.resolve();
  }

  update(): Promise<void> {
    return Promise.resolve();
  }

  run(spec: ContainerSpec): Promise<RunResult> {
    const { status } = conductOf(spec.command?.value ?? '', 0);
    return Promise.resolve({ status, output: '' });
  }

  exec(): Promise<ExecSession> {
    return Promise.reject(new FailureError(failure('conflict', 'a pretended container runs nothing')));
  }

  attach(): Promise<AttachSession> {
    return Promise.reject(new FailureError(failure('conflict', 'a pretended container has no terminal')));
  }

  usage(): Promise<ContainerUsage | undefined> {
    return Promise.resolve(undefined);
  }

  close(): Promise<void> {
    for (const container of this.machine.containers.values()) container.listener = () => undefined;
    return Promise.resolve();
  }

  private end(containerId: ContainerId, exit: Exit): void {
    const container = this.machine.containers.get(containerId);
    if (container === undefined || container.exit !== undefined) return;
    container.cancel();
    container.exit = exit;
    container.listener(containerId, exit);
  }
}

/** The longest that a timer of Node runs. */
const foreverMs = 2 ** 31 - 1;

function conductOf(command: string, delayMs: number): FakeConduct {
  const trap = /trap '(?:exit (\d+))?' TERM/.exec(command);
  const rest = command.slice(trap === null ? 0 : trap.index + trap[0].length);
  const sleep = /sleep ([\d.]+)/.exec(rest)?.[1];
  const forMs = sleep === undefined ? delayMs : Number(sleep) * 1000;
  return {
    runMs: rest.includes('while :') ? foreverMs : forMs,
    status: Number(/exit (\d+)/.exec(rest)?.[1] ?? 0),
    onTerm:
      trap === null
        ? { kind: 'signaled', signal: 'SIGTERM' }
        : trap[1] === undefined
          ? undefined
          : { kind: 'exited', status: Number(trap[1]) },
  };
}
