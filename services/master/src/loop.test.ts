import { Resources, instant } from '@meseta/model';
import { FakeClock } from '@meseta/testing';
import { fixedOptions } from './config';
import { Loop, commandsQueuedMax, type World } from './loop';
import { createMasterMetrics } from './metrics';
import type { Command } from './state/command';
import type { Effect } from './state/effect';
import { recover } from './state/recovery';

const options = {
  pingIntervalMs: 15_000,
  pingsMissedMax: 5,
  agentReregisterTimeoutMs: 600_000,
  frameworkReregisterTimeoutMs: 60_000,
  offerTimeoutMs: 0,
  ...fixedOptions,
  goneAgentsMax: 2,
  agentRemovalIntervalMs: 0,
};

/** A world whose commits are answered by hand. */
class HandWorld implements World {
  readonly performed: Effect[] = [];
  readonly ended: string[] = [];
  readonly commits: { resolve: () => void; reject: (error: Error) => void }[] = [];

  commit(): Promise<void> {
    return new Promise((resolve, reject) => this.commits.push({ resolve, reject }));
  }

  perform(effect: Effect): void {
    this.performed.push(effect);
  }

  endTerm(reason: string): void {
    this.ended.push(reason);
  }
}

const register: Command = {
  kind: 'agentRegister',
  session: 's1',
  agentId: undefined,
  info: { hostname: 'h', resources: [], attributes: [] },
  cluster: '',
  version: '',
  capabilities: [],
  grpcAddress: '',
  httpAddress: '',
  total: Resources.parse('cpus:1') as Resources,
  attributes: [],
  tasks: [],
  oversubscribed: Resources.empty,
  executors: [],
  operations: [],
  frameworks: [],
};

async function started() {
  const clock = new FakeClock();
  const world = new HandWorld();
  const { state, effects } = recover(
    { masterId: 'm', cluster: 'c', term: 1 },
    options,
    { agents: [], frameworks: [], weights: [] },
    instant(0),
  );
  const loop = new Loop(state, world, { clock, timers: clock, metrics: createMasterMetrics() });
  await loop.start(effects);
  return { loop, world, clock };
}

/** Lets the turns that are planned happen. */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('nothing leaves before the commit it depends on is durable, and a read waits for it too', async () => {
  const { loop, world } = await started();
  loop.submit(register);
  const agents = loop.query((view) => view.agents.size);
  await turns();
  expect([world.commits.length, world.performed.length]).toEqual([1, 0]);
  world.commits[0]?.resolve();
  expect(await agents).toBe(1);
  expect(world.performed.map((effect) => effect.kind)).toContain('toAgent');
});

test('what arrives while a commit is under way is one turn after it', async () => {
  const { loop, world } = await started();
  loop.submit(register);
  await turns();
  for (const session of ['s2', 's3', 's4']) loop.submit({ ...register, session });
  await turns();
  expect(world.commits).toHaveLength(1);
  world.commits[0]?.resolve();
  await turns();
  expect(world.commits).toHaveLength(2);
  world.commits[1]?.resolve();
  await turns();
  expect(await loop.query((view) => view.agents.size)).toBe(4);
});

test('a commit that fails ends the term, and nothing of that turn leaves', async () => {
  const { loop, world } = await started();
  loop.submit(register);
  await turns();
  world.commits[0]?.reject(new Error('term 1 is over'));
  await turns();
  expect(world.ended).toEqual(['term 1 is over']);
  expect(world.performed).toEqual([]);
});

test('deadlines come due by the clock', async () => {
  const { loop, world, clock } = await started();
  loop.submit(register);
  await turns();
  world.commits[0]?.resolve();
  await turns();
  const pings = (): number =>
    world.performed.filter((effect) => effect.kind === 'toAgent' && effect.message.message?.$case === 'ping')
      .length;
  expect(pings()).toBe(1);
  clock.advance(15_000);
  await turns();
  expect(pings()).toBe(2);
});

test('the queue has a bound, and a loop that stopped takes nothing', async () => {
  const { loop } = await started();
  const taken = Array.from({ length: commandsQueuedMax }, () => loop.submit({ kind: 'tick' }));
  expect(taken.every(Boolean)).toBe(true);
  expect(loop.submit({ kind: 'tick' })).toBe(false);
  loop.stop();
  expect(loop.submit({ kind: 'tick' })).toBe(false);
  expect(await loop.query(() => 1)).toBeUndefined();
});
