import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  agentId,
  containerId as asContainerId,
  frameworkId,
  isFailure,
  Resources,
  type ContainerId,
} from '@meseta/model';
import type { CommandInfo } from '@meseta/protocol';
import type { Exit } from '../state/command';
import type { ContainerRuntime, ContainerSpec, EndListener } from './container-runtime';

/** A machine on which runtimes of one kind can be made, closed and made again. */
export interface RuntimePlace {
  readonly create: (onEnd: EndListener) => Promise<ContainerRuntime>;
  /** A directory for a container; empty if the runtime uses none. */
  readonly sandbox: (containerId: ContainerId) => Promise<string>;
  /** What else a spec needs, such as an image. */
  readonly more?: Partial<ContainerSpec>;
  readonly remove: () => Promise<void>;
}

/** By when a task of 0.3 s has ended although no runtime watches it and could tell. */
const endedMs = 1_000;

/** What is true of every runtime. */
export function describeRuntime(
  name: string,
  prepare: () => Promise<RuntimePlace>,
  timeoutMs = 20_000,
): void {
  describe(`a runtime: ${name}`, () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(await prepare());
    }, timeoutMs);
    afterEach(() => bench.remove(), timeoutMs);

    const check = (title: string, fn: () => Promise<void>): void => test(title, fn, timeoutMs);

    check('a command that ends tells its status', async () => {
      const good = await bench.start('exit 0');
      const bad = await bench.start('exit 3');
      expect(await bench.end(good)).toEqual({ kind: 'exited', status: 0 });
      expect(await bench.end(bad)).toEqual({ kind: 'exited', status: 3 });
    });

    check('terminate ends a task that heeds SIGTERM', async () => {
      // As the first process of a container it must have a handler: the kernel shields such a process from signals that it does not expect.
      const id = await bench.start("trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done");
      await bench.ready(id);
      await bench.runtime.terminate(id);
      expect(await bench.end(id)).toEqual({ kind: 'exited', status: 9 });
    });

    check('a task that ignores SIGTERM runs on, and destroy ends it', async () => {
      const id = await bench.start("trap '' TERM; echo ready; sleep 60");
      await bench.ready(id);
      await bench.runtime.terminate(id);
      await bench.runtime.terminate(id);
      expect(bench.ends.has(id)).toBe(false);
      await bench.runtime.destroy(id);
      expect(signalOf(await bench.end(id))).toBe('SIGKILL');
    });

    check('a task survives its runtime and is found again', async () => {
      const id = await bench.start('sleep 60');
      await bench.restart();
      expect(await bench.recover(id)).toMatchObject({ kind: 'running' });
      await bench.runtime.destroy(id);
      expect(signalOf(await bench.end(id))).toBe('SIGKILL');
    });

    check('a task that ended while nobody watched tells its true status', async () => {
      const id = await bench.start('sleep 0.3; exit 4');
      await bench.runtime.close();
      await pause(endedMs);
      await bench.restart();
      expect(await bench.recover(id)).toEqual({ kind: 'ended', exit: { kind: 'exited', status: 4 } });
    });

    check('an end is told again until it is released', async () => {
      const id = await bench.start('exit 5');
      await bench.end(id);
      await bench.restart();
      expect(await bench.recover(id)).toEqual({ kind: 'ended', exit: { kind: 'exited', status: 5 } });
      await bench.runtime.release(id);
      await bench.restart();
      expect(await bench.recover(id)).toEqual({ kind: 'neverStarted' });
    });

    check('what never began is told so, and what ran and is gone is lost', async () => {
      await bench.restart();
      const [never, gone] = [asContainerId(randomUUID()), asContainerId(randomUUID())];
      const known = [
        { containerId: never, ran: false, sandbox: '' },
        { containerId: gone, ran: true, sandbox: '' },
      ];
      expect(await bench.runtime.recover(known)).toMatchObject([
        { kind: 'neverStarted' },
        { kind: 'ended', exit: { kind: 'lost' } },
      ]);
    });

    check('a container that the agent does not know of is ended', async () => {
      const id = await bench.start('sleep 60');
      await bench.restart();
      await bench.runtime.recover([]);
      await bench.restart();
      expect(await bench.recover(id)).toEqual({ kind: 'neverStarted' });
    });

    check('a task without anything to run is refused and leaves nothing', async () => {
      const id = asContainerId(randomUUID());
      await expect(bench.startAs(id, { uris: [], arguments: [], shell: false })).rejects.toMatchObject({
        failure: { message: expect.any(String) },
      });
      await bench.restart();
      expect(await bench.recover(id)).toEqual({ kind: 'neverStarted' });
    });

    check('calls about containers that are not there do nothing', async () => {
      const id = asContainerId(randomUUID());
      await bench.runtime.terminate(id);
      await bench.runtime.destroy(id);
      await bench.runtime.release(id);
      await bench.runtime.update(id, { cpuMilli: 100, memoryBytes: 64 * 1024 * 1024, processes: 10 });
      expect(await bench.runtime.usage(id)).toBeUndefined();
    });
  });
}

/** A runtime, and what it told. */
export class Bench {
  readonly ends = new Map<ContainerId, Exit>();
  private readonly waiting = new Map<ContainerId, (exit: Exit) => void>();
  runtime!: ContainerRuntime;

  private constructor(readonly place: RuntimePlace) {}

  static async open(place: RuntimePlace): Promise<Bench> {
    const bench = new Bench(place);
    await bench.restart();
    await bench.runtime.recover([]);
    return bench;
  }

  /** A new runtime on the same machine; it has not recovered yet. */
  async restart(): Promise<void> {
    await this.runtime?.close();
    this.runtime = await this.place.create((id, exit) => {
      this.ends.set(id, exit);
      this.waiting.get(id)?.(exit);
    });
  }

  async recover(containerId: ContainerId) {
    const [found] = await this.runtime.recover([{ containerId, ran: false, sandbox: '' }]);
    return found;
  }

  async start(command: string, more: Partial<ContainerSpec> = {}): Promise<ContainerId> {
    const id = asContainerId(randomUUID());
    await this.startAs(id, { uris: [], arguments: [], value: command }, more);
    return id;
  }

  async startAs(id: ContainerId, command: CommandInfo, more: Partial<ContainerSpec> = {}): Promise<void> {
    const resources = Resources.parse('cpus:0.1;mem:64');
    if (isFailure(resources)) throw new Error(resources.message);
    const spec: ContainerSpec = {
      containerId: id,
      agentId: agentId('agent'),
      frameworkId: frameworkId('framework'),
      name: 'task',
      mounts: [],
      command,
      container: undefined,
      user: undefined,
      environment: new Map([['PATH', '/usr/bin:/bin']]),
      sandbox: await this.place.sandbox(id),
      resources,
      limits: { cpuMilli: 100 },
      ...this.place.more,
      ...more,
    };
    await this.runtime.fetch?.(spec, {}, new AbortController().signal);
    await this.runtime.start(spec);
  }

  end(id: ContainerId): Promise<Exit> {
    const known = this.ends.get(id);
    return known !== undefined
      ? Promise.resolve(known)
      : new Promise((resolve) => this.waiting.set(id, resolve));
  }

  /** Waits until the task has printed `ready`, where there is somewhere to print to. */
  async ready(id: ContainerId): Promise<void> {
    const sandbox = await this.place.sandbox(id);
    for (let tries = 0; sandbox !== '' && tries < 500; tries++) {
      if ((await readFile(join(sandbox, 'stdout'), 'utf8').catch(() => '')).includes('ready')) return;
      await pause(20);
    }
  }

  async remove(): Promise<void> {
    await this.runtime.close();
    await this.restart();
    await this.runtime.recover([]);
    await this.runtime.close();
    await this.place.remove();
  }
}

/** A runtime behind a daemon tells the signal as a shell would. */
function signalOf(exit: Exit): string {
  return exit.kind === 'signaled' ? exit.signal : JSON.stringify(exit);
}
