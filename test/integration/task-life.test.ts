import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceProcess } from '@meseta/cli';
import {
  HealthCheck_Type,
  Offer_Operation_Type,
  Resource_ReservationInfo_Type,
  Value_Type,
  Volume_Mode,
  type Offer_Operation,
  type OperationStatus,
  type Resource,
} from '@meseta/protocol';
import { connect, type ConnectOptions, type Offer, type Scheduler, type TaskUpdate } from '@meseta/sdk';
import { Rig, eventually, offerWith, operatorOf } from './harness';

// The whole life of a task, through processes: master, agent, registry and allocator as they are deployed.

const rig = new Rig();
let masters: readonly ServiceProcess[];
let agent: ServiceProcess;
let agentArgs: readonly string[];
const resources = 'cpus:4;mem:1024;disk:1000';

beforeAll(async () => {
  const registry = await rig.start('registry', ['--store', 'memory']);
  const allocator = await rig.start('allocator', []);
  const args = ['--registry', registry.grpc, '--allocator', allocator.grpc];
  // An agent is unreachable after three seconds of silence instead of 75.
  masters = [
    await rig.start('master', [...args, '--agent-ping-timeout', '1s', '--max-agent-ping-timeouts', '3']),
  ];
  agentArgs = ['--master', addresses(), '--work-dir', join(rig.folder, 'agent'), '--resources', resources];
  agent = await rig.start('agent', [...agentArgs, '--runtimes', 'process']);
}, 60_000);
afterAll(() => rig.stop());

function addresses(): string {
  return masters.map(({ grpc }) => grpc).join(',');
}

const schedulers: Scheduler[] = [];
// A framework that a failed test leaves would hold the offers of the next one.
afterEach(async () => {
  await Promise.all(schedulers.splice(0).map((scheduler) => scheduler.teardown()));
});

/** A framework that is torn down after its test. */
async function framework(name: string, handlers: Partial<ConnectOptions> = {}): Promise<Scheduler> {
  const scheduler = await connect({
    master: addresses(),
    framework: { name, role: 'life', failoverTimeoutMs: '1m' },
    ...handlers,
  });
  schedulers.push(scheduler);
  return scheduler;
}

test('a task group on one agent: one member fails, and the others end with it', async () => {
  const updates: TaskUpdate[] = [];
  const scheduler = await framework('group', { onUpdate: (update) => void updates.push(update) });
  const offer = await offerWith(scheduler, 'cpus:1;mem:128;disk:10');
  const [server, doomed] = await offer.launchGroup({
    name: 'pod',
    tasks: [
      { name: 'server', command: 'echo here > shared; sleep 600', resources: 'cpus:0.2;mem:32' },
      { name: 'doomed', command: 'sleep 1; exit 7', resources: 'cpus:0.2;mem:32' },
    ],
  });
  await doomed?.finished();
  await server?.finished();
  expect(doomed?.state).toBe('TASK_FAILED');
  expect(updates.find(({ state }) => state === 'TASK_FAILED')?.status.message).toContain('status 7');
  expect(server?.state).toBe('TASK_KILLED');
  const operator = operatorOf(addresses());
  await eventually('the executor is gone with its tasks', async () => {
    const { state } = await operator.state();
    return (state?.getExecutors?.executors ?? []).length === 0;
  });
  operator.close();
}, 60_000);

test('a health check that fails kills its task', async () => {
  const updates: TaskUpdate[] = [];
  const scheduler = await framework('health', { onUpdate: (update) => void updates.push(update) });
  const offer = await offerWith(scheduler, 'cpus:0.5;mem:64');
  const task = await launchRaw(scheduler, offer, {
    command: { value: 'sleep 600', uris: [], arguments: [] },
    healthCheck: {
      type: HealthCheck_Type.COMMAND,
      command: { value: 'exit 1', uris: [], arguments: [] },
      delaySeconds: 0,
      intervalSeconds: 0.2,
      gracePeriodSeconds: 0,
      consecutiveFailures: 2,
    },
  });
  await eventually('the task was killed', () =>
    updates.some(({ taskId, state }) => taskId === task && state === 'TASK_KILLED'),
  );
  const last = updates[updates.length - 1];
  expect(last?.status.healthy).toBe(false);
}, 60_000);

test('an agent that falls silent is unreachable, and brings its task back: the process never died', async () => {
  const states: string[] = [];
  const scheduler = await framework('silence', { onUpdate: ({ state }) => void states.push(state) });
  const offer = await offerWith(scheduler, 'cpus:0.5;mem:64');
  const task = await offer.launch({
    name: 'survivor',
    command: 'echo started >> starts; exec sleep 600',
    resources: 'cpus:0.5;mem:64',
  });
  await task.running();
  // Stopped, the process keeps its connections and answers nothing: the network could not be cut more quietly.
  process.kill(agent.pid, 'SIGSTOP');
  await eventually('the task is unreachable', () => states.includes('TASK_UNREACHABLE'), 30_000);
  process.kill(agent.pid, 'SIGCONT');
  await eventually('the task is back', () => states[states.length - 1] === 'TASK_RUNNING', 30_000);
  expect(states).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_UNREACHABLE', 'TASK_RUNNING']);
  // How often it was started is in its sandbox; `latest` is a link to it.
  const folder = join(rig.folder, 'agent');
  const starts = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('/starts') && !path.includes('/latest/'),
  );
  expect(starts.map((path) => readFileSync(join(folder, path), 'utf8'))).toEqual(['started\n']);
  await task.kill();
  await task.finished();
}, 90_000);

test('a framework dies with an update that it has not acknowledged; another instance of it sees the update', async () => {
  let refused = 0;
  const first = await connect({
    master: addresses(),
    framework: { name: 'failing-over', role: 'life', failoverTimeoutMs: '1m' },
    // It dies before it has written the end down: what it threw at is not acknowledged.
    onUpdate: ({ state }) => {
      if (state !== 'TASK_FINISHED') return;
      refused += 1;
      throw new Error('died before it was written down');
    },
  });
  const offer = await offerWith(first, 'cpus:0.5;mem:64');
  const task = await offer.launch({ name: 'short', command: 'true', resources: 'cpus:0.5;mem:64' });
  await eventually('the end came and was not acknowledged', () => refused > 0);
  await first.stop();
  const updates: TaskUpdate[] = [];
  const second = await connect({
    master: addresses(),
    framework: { id: first.frameworkId, name: 'failing-over', role: 'life', failoverTimeoutMs: '1m' },
    onUpdate: (update) => void updates.push(update),
  });
  schedulers.push(second);
  await eventually('the other instance is told the end', () =>
    updates.some(
      ({ taskId, state, status }) =>
        taskId === task.id && state === 'TASK_FINISHED' && status.uuid !== undefined,
    ),
  );
}, 60_000);

test('a reservation, a volume whose data survives its task and its agent, and the end of both', async () => {
  const operations: OperationStatus[] = [];
  const scheduler = await framework('volumes', { onOperation: (status) => void operations.push(status) });
  const finished = (id: string): Promise<void> =>
    eventually(`operation ${id} is finished`, () =>
      operations.some(
        ({ operationId, state }) => operationId?.value === id && state === ('OPERATION_FINISHED' as unknown),
      ),
    );
  const reserved = disk(64);
  const volume: Resource = {
    ...reserved,
    disk: { persistence: { id: 'data' }, volume: { containerPath: 'data', mode: Volume_Mode.RW } },
  };
  const offer = await offerWith(scheduler, 'cpus:0.5;mem:64;disk:64');
  await offer.accept(
    [
      operation('reserve', Offer_Operation_Type.RESERVE, { reserve: { resources: [reserved], source: [] } }),
      operation('create', Offer_Operation_Type.CREATE, { create: { volumes: [volume] } }),
    ],
    { refuseFor: 0 },
  );
  await finished('reserve');
  await finished('create');

  const write = await launchRaw(scheduler, await offerOfVolume(scheduler), {
    command: { value: 'echo kept > data/file', uris: [], arguments: [] },
    more: [volume],
  });
  await ended(scheduler, write);

  // The agent's process is killed and started again: what it reserved and made is there.
  agent.kill('SIGKILL');
  await agent.ended;
  agent = await rig.start('agent', [...agentArgs, '--runtimes', 'process']);

  const read = await launchRaw(scheduler, await offerOfVolume(scheduler), {
    command: { value: 'test "$(cat data/file)" = kept', uris: [], arguments: [] },
    more: [volume],
  });
  expect(await ended(scheduler, read)).toBe('TASK_FINISHED');

  const last = await offerOfVolume(scheduler);
  await last.accept(
    [
      operation('destroy', Offer_Operation_Type.DESTROY, { destroy: { volumes: [volume] } }),
      operation('unreserve', Offer_Operation_Type.UNRESERVE, { unreserve: { resources: [reserved] } }),
    ],
    { refuseFor: 0 },
  );
  await finished('destroy');
  await finished('unreserve');
  const operator = operatorOf(addresses());
  await eventually('the agent has what it had', async () => {
    const { state } = await operator.state();
    return (state?.getAgents?.agents ?? []).every(({ totalResources }) =>
      totalResources.every(({ reservations }) => reservations.length === 0),
    );
  });
  operator.close();
}, 120_000);

function disk(megabytes: number): Resource {
  return {
    name: 'disk',
    type: Value_Type.SCALAR,
    scalar: { value: megabytes },
    reservations: [{ type: Resource_ReservationInfo_Type.DYNAMIC, role: 'life' }],
  };
}

function operation(id: string, type: Offer_Operation_Type, what: Partial<Offer_Operation>): Offer_Operation {
  return { type, id: { value: id }, ...what };
}

/** An offer that holds the volume; others are given back. */
async function offerOfVolume(scheduler: Scheduler): Promise<Offer> {
  for await (const offer of scheduler.offers()) {
    if (offer.message.resources.some(({ disk }) => disk?.persistence !== undefined)) return offer;
    offer.decline({ for: '1s' });
  }
  throw new Error('the scheduler stopped before the volume was offered');
}

let launched = 0;

/** Launches a task as the message says it, for what the SDK has no word for. Returns its id. */
async function launchRaw(
  scheduler: Scheduler,
  offer: Offer,
  { more = [], ...info }: { more?: readonly Resource[] } & Record<string, unknown>,
): Promise<string> {
  const id = `raw-${(launched += 1)}`;
  const amount = (name: string, value: number): Resource => ({
    name,
    type: Value_Type.SCALAR,
    scalar: { value },
    reservations: [],
  });
  await scheduler.calls.accept({
    offerIds: [{ value: offer.id }],
    operations: [
      {
        type: Offer_Operation_Type.LAUNCH,
        launch: {
          taskInfos: [
            {
              name: id,
              taskId: { value: id },
              agentId: { value: offer.agentId },
              resources: [amount('cpus', 0.5), amount('mem', 64), ...more],
              limits: {},
              ...info,
            },
          ],
        },
      },
    ],
    filters: { refuseSeconds: 0 },
  });
  return id;
}

/** How a task ended. */
async function ended(scheduler: Scheduler, id: string): Promise<string | undefined> {
  await eventually(`${id} has ended`, () => scheduler.tasks.get(id)?.ended === true, 30_000);
  return scheduler.tasks.get(id)?.state;
}
