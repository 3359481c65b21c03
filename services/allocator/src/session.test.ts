import type { ServerDuplexStream } from '@grpc/grpc-js';
import { createLogger, noTracing, readConfig, type Timers } from '@meseta/kit';
import { Resources, instant } from '@meseta/model';
import { internal, resourcesToProto } from '@meseta/protocol';
import { allocatorOptions } from './config';
import { createAllocatorMetrics } from './metrics';
import { optionsOf } from './options';
import { Session } from './session';

const turnGapMs = 2;
const intervalMs = 1000;

/** A session whose master is the test: it says what has arrived, and when which timers fire. */
class Rig {
  readonly metrics = createAllocatorMetrics();
  readonly written: internal.AllocateResponse[] = [];
  readonly session: Session;
  #now = instant(0);
  #version = 0n;
  #planned: { readonly ms: number; readonly fn: () => void }[] = [];

  static async start(...argv: string[]): Promise<Rig> {
    const config = readConfig(allocatorOptions, ['--port', '0', '--http-port', '0', ...argv], {});
    return new Rig(await optionsOf(config));
  }

  private constructor(options: Awaited<ReturnType<typeof optionsOf>>) {
    const timers: Timers = {
      after: (ms, fn) => {
        const one = { ms, fn };
        this.#planned.push(one);
        return () => {
          this.#planned = this.#planned.filter((other) => other !== one);
        };
      },
    };
    const stream = {
      write: (message: internal.AllocateResponse) => this.written.push(message) > 0,
      once: () => undefined,
      emit: () => true,
    } as unknown as ServerDuplexStream<internal.AllocateRequest, internal.AllocateResponse>;
    this.session = new Session(1, stream, {
      options,
      turnGapMs,
      clock: { now: () => this.#now },
      timers,
      random: () => 0.5,
      tracing: noTracing,
      metrics: this.metrics,
      log: createLogger('allocator', 'silent'),
    });
  }

  /** The master says what changed. */
  tell(...changes: readonly NonNullable<internal.AllocationChange['change']>[]): void {
    this.#version += BigInt(changes.length);
    const message = { term: 1n, version: this.#version, changes: changes.map((change) => ({ change })) };
    this.session.receive(internal.AllocateRequest.fromPartial(message as never));
  }

  /** What is planned for exactly so long from its plan is due. */
  fire(ms: number): void {
    this.#now = instant(this.#now + ms);
    const due = this.#planned.filter((one) => one.ms === ms);
    this.#planned = this.#planned.filter((one) => one.ms !== ms);
    for (const { fn } of due) fn();
  }

  /** What has been proposed, once it is written. */
  async proposals(): Promise<readonly string[]> {
    await new Promise(setImmediate);
    const proposals = this.written.flatMap((message) => message.proposals);
    this.written.length = 0;
    return proposals.map((one) => `${one.agentId?.value ?? ''} to ${one.frameworkId?.value ?? ''}`);
  }

  /** The value of a series, as it is told. */
  async metric(series: string): Promise<number | undefined> {
    this.session.observe();
    const text = await this.metrics.registry.metrics();
    const line = text.split('\n').find((one) => one.startsWith(`meseta_allocator_${series} `));
    return line === undefined ? undefined : Number(line.split(' ').pop());
  }
}

const toProto = (text: string) => resourcesToProto(Resources.parse(text) as Resources);
const framework = (name: string, capabilities: string[] = []) =>
  ({
    $case: 'frameworkChanged',
    value: { frameworkId: { value: name }, roles: ['web'], active: true, capabilities },
  }) as unknown as NonNullable<internal.AllocationChange['change']>;
const agent = (name: string, total = 'cpus:2') =>
  ({
    $case: 'agentChanged',
    value: { agentId: { value: name }, hostname: name, total: toProto(total), active: true },
  }) as unknown as NonNullable<internal.AllocationChange['change']>;
const back = (name: string, refuseMs: bigint) =>
  ({
    $case: 'recovered',
    value: {
      frameworkId: { value: 'F' },
      agentId: { value: name },
      role: 'web',
      resources: toProto('cpus:2'),
      refuseMs,
      unused: true,
      offers: 1,
    },
  }) as unknown as NonNullable<internal.AllocationChange['change']>;
const revive = {
  $case: 'revived',
  value: { frameworkId: { value: 'F' }, roles: [] },
} as NonNullable<internal.AllocationChange['change']>;
const closing: Session[] = [];

const start = async (...argv: string[]): Promise<Rig> => {
  const rig = await Rig.start(...argv);
  closing.push(rig.session);
  return rig;
};

afterEach(() => {
  for (const session of closing.splice(0)) session.close();
});

test('A1: every agent is looked at once in an allocation interval, whatever has happened', async () => {
  const rig = await start();
  rig.tell(framework('F'), agent('S1'), agent('S2'));
  expect(await rig.proposals()).toEqual([]);
  // The turn that the changes planned is never taken here: only the interval's is.
  rig.fire(intervalMs);
  expect((await rig.proposals()).toSorted()).toEqual(['S1 to F', 'S2 to F']);
  rig.tell(back('S1', -1n));
  rig.fire(intervalMs);
  expect(await rig.proposals()).toEqual(['S1 to F']);
});

test('A1: the interval is what the option says', async () => {
  const rig = await start('--allocation-interval', '10s');
  rig.tell(framework('F'), agent('S1'));
  rig.fire(intervalMs);
  expect(await rig.proposals()).toEqual([]);
  rig.fire(10_000);
  expect(await rig.proposals()).toEqual(['S1 to F']);
});

test('A9: turns are counted while nothing happens, and how long a change waited for its turn is', async () => {
  const rig = await start();
  rig.tell(framework('F'), agent('S1'));
  rig.fire(turnGapMs);
  expect(await rig.metric('turn_seconds_count')).toBe(1);
  expect(await rig.metric('turn_wait_seconds_count')).toBe(1);
  for (let second = 0; second < 3; second++) rig.fire(intervalMs);
  expect(await rig.metric('turn_seconds_count')).toBe(4);
  expect(await rig.metric('turn_wait_seconds_count')).toBe(1);
});

test.each([
  ['kept for frameworks that ask for gpus', [], []],
  ['offered to everyone if the option says so', ['--filter-gpu-resources', 'false'], ['S1 to F']],
])('A11: an agent with gpus is %s', async (_, argv, offered) => {
  const rig = await start(...argv);
  rig.tell(framework('F'), agent('S1', 'cpus:2;gpus:1'));
  rig.fire(turnGapMs);
  expect(await rig.proposals()).toEqual(offered);
  if (offered.length > 0) return;
  rig.tell(framework('G', ['GPU_RESOURCES']));
  rig.fire(turnGapMs);
  expect(await rig.proposals()).toEqual(['S1 to G']);
});

test('A38: a proposal names the last change that its turn knew, also if the next has arrived before it is written', async () => {
  const rig = await start();
  rig.tell(framework('F'), agent('S1'));
  rig.fire(turnGapMs);
  rig.tell(agent('S2'));
  rig.fire(turnGapMs);
  await new Promise(setImmediate);
  expect(rig.written.map(({ version, proposals }) => [version, proposals[0]?.agentId?.value])).toEqual([
    [2n, 'S1'],
    [3n, 'S2'],
  ]);
});

test('A40: what is declined for no time is offered again when an allocation interval has passed', async () => {
  const rig = await start();
  rig.tell(framework('F'), agent('S1'));
  rig.fire(turnGapMs);
  expect(await rig.proposals()).toEqual(['S1 to F']);
  rig.tell(back('S1', 0n));
  rig.fire(turnGapMs);
  expect(await rig.proposals()).toEqual([]);
  rig.fire(intervalMs);
  expect(await rig.proposals()).toEqual(['S1 to F']);
});

test('A42: a filter is counted for its role until it is forgotten', async () => {
  const rig = await start();
  rig.tell(framework('F'), agent('S1'));
  rig.fire(turnGapMs);
  rig.tell(back('S1', 60_000n));
  expect(await rig.metric('role_offer_filters_active{role="web"}')).toBe(1);
  rig.tell(revive);
  expect(await rig.metric('role_offer_filters_active{role="web"}')).toBe(0);
});
