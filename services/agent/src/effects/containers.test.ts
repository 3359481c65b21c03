import { setImmediate as turn } from 'node:timers/promises';
import { containerId } from '@meseta/model';
import { createLogger, noTracing } from '@meseta/kit';
import { FakeClock } from '@meseta/testing';
import { createAgentMetrics } from '../metrics';
import { FakeRuntime } from '../runtime/fake';
import { Containers, type ContainersOptions } from './containers';

/** A runtime whose daemon is away until somebody says otherwise. */
class AwayRuntime extends FakeRuntime {
  readonly asked: string[] = [];
  isAway = true;
  private answers: (() => void)[] = [];

  override terminate(): Promise<void> {
    this.asked.push('terminate');
    return this.isAway ? Promise.reject(new Error('connect ENOENT /var/run/docker.sock')) : Promise.resolve();
  }

  /** Takes until `answer`. */
  override destroy(): Promise<void> {
    this.asked.push('destroy');
    return new Promise((resolve) => this.answers.push(resolve));
  }

  answer(): void {
    for (const resolve of this.answers.splice(0)) resolve();
  }
}

describe('ending containers', () => {
  const id = containerId('c1');
  const clock = new FakeClock();
  let runtime: AwayRuntime;
  let containers: Containers;
  const pass = async (ms: number): Promise<readonly string[]> => {
    runtime.asked.length = 0;
    for (let left = ms; left > 0; left -= 1_000) {
      clock.advance(1_000);
      await turn();
    }
    return [...runtime.asked];
  };
  beforeEach(() => {
    runtime = new AwayRuntime({ onEnd: () => undefined });
    // What starts need of the agent is left out.
    containers = new Containers({
      runtimes: new Map([['fake', runtime]]),
      push: () => undefined,
      timers: clock,
      log: createLogger('agent', 'silent'),
      metrics: createAgentMetrics(),
      tracing: noTracing,
    } as unknown as ContainersOptions);
    containers.adopt(id, 'F/T1', 'fake');
  });

  test('E44: one that cannot be asked to end is asked each second until it can be, and then no more', async () => {
    containers.terminate('fake', id);
    await turn();
    expect(await pass(2_000)).toEqual(['terminate', 'terminate']);
    runtime.isAway = false;
    expect(await pass(3_000)).toEqual(['terminate']);
  });

  test('one that has ended meanwhile, or is ended by force, is not asked any more', async () => {
    containers.terminate('fake', id);
    await turn();
    containers.destroy('fake', id);
    expect(await pass(3_000)).toEqual([]);
    runtime.answer();
    await turn();
    containers.terminate('fake', id);
    await turn();
    containers.ended('fake', id, { kind: 'exited', status: 0 });
    expect(await pass(3_000)).toEqual([]);
  });

  test('force that takes long is used once at a time', async () => {
    containers.destroy('fake', id);
    containers.destroy('fake', id);
    expect(runtime.asked).toEqual(['destroy']);
    runtime.answer();
    await turn();
    containers.destroy('fake', id);
    expect(runtime.asked).toEqual(['destroy', 'destroy']);
  });
});
