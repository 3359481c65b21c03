import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  agentId,
  containerId,
  frameworkId,
  instant,
  isTerminal,
  Resources,
  taskId,
  type Resource,
} from '@meseta/model';
import { resourceOperationToProto } from '@meseta/protocol';
import type { Command, LaunchedExecutor, LaunchedTask, Order, OwnerKey, Recovered } from '../state/command';
import { isWrite, type Act } from '../state/effect';
import type { ExecutorUpdate } from '../state/executor-session';
import { step } from '../state/step';
import { frameworkInfo } from '../state/testdata/story';
import { Checkpoint } from './checkpoint';

/**
 * The agent's core on its real checkpoint, killed after any one of its commits: what was to be done then is not done, and all that is only in
 * its head is gone. Containers, the executor and the master live on.
 */
class Life {
  readonly told = new Map<string, Set<string>>();
  readonly starts = new Map<string, number>();
  commits = 0;
  private checkpoint!: Checkpoint;
  private queue: Command[] = [];
  private readonly containers = new Map<string, { key: OwnerKey; status: number | undefined }>();
  private readonly unacknowledged = new Map<string, ExecutorUpdate>();
  private sessions = 0;
  private now = 1_000;

  constructor(
    private readonly workDir: string,
    private readonly crashAt: number,
  ) {}

  async begin(): Promise<void> {
    this.checkpoint = await Checkpoint.open(this.workDir, 'meseta');
    const resources = Resources.parse('cpus:4;disk:100') as Resources;
    const outcomes: Recovered[] = [];
    const { state } = this.checkpoint;
    for (const { key, containerId: id, runtime, phase } of [
      ...state.tasks.values(),
      ...state.executors.values(),
    ]) {
      const isPod = state.executors.get(key)?.kind === 'pod';
      if (runtime === '' || isPod || phase === 'ended') continue;
      const found = this.containers.get(id);
      outcomes.push({
        key,
        containerId: id,
        found:
          found === undefined
            ? { kind: 'neverStarted' }
            : found.status === undefined
              ? { kind: 'running', facts: {} }
              : { kind: 'ended', exit: { kind: 'exited', status: found.status } },
      });
    }
    this.queue = [
      { kind: 'configured', resources },
      { kind: 'recovered', outcomes },
      { kind: 'sessionOpened', sessionId: ++this.sessions },
    ];
    this.say({ kind: 'registered', agentId: agentId('A'), cluster: 'meseta', silenceMaxMs: 75_000 });
    // An executor whose agent was away subscribes again, with what was not acknowledged.
    if (this.containers.get('X')?.status === undefined && this.containers.has('X')) this.subscribe();
    await this.settle();
  }

  say(...orders: Order[]): void {
    this.queue.push({ kind: 'masterSaid', sessionId: this.sessions, term: 5, orders });
  }

  /** The master kills no task of which it knows the end. */
  kill(id: string): void {
    if (!this.told.has(id))
      this.say({ kind: 'kill', frameworkId: F, taskId: taskId(id), seed: 'ab'.repeat(16) });
  }

  /** A container's process ends by itself. */
  end(id: string, status: number): void {
    const container = this.containers.get(id);
    if (container === undefined || container.status !== undefined) return;
    container.status = status;
    this.queue.push({
      kind: 'containerEnded',
      key: container.key,
      containerId: containerId(id),
      exit: { kind: 'exited', status },
    });
  }

  /** The executor tells of a task, and keeps what it told. */
  executorSays(id: string, state: ExecutorUpdate['state']): void {
    const update: ExecutorUpdate = {
      taskId: taskId(id),
      uuid: `${id}-${state}`,
      state,
      given: { taskId: { value: id } },
    };
    this.unacknowledged.set(update.uuid, update);
    this.queue.push({ kind: 'executorUpdated', key: 'F//E', updates: [update] });
  }

  async settle(): Promise<void> {
    for (let command = this.queue.shift(); command !== undefined; command = this.queue.shift()) {
      const { state } = this.checkpoint;
      const effects = step(state, command, instant(this.now++));
      for (const effect of effects) if (isWrite(effect)) this.checkpoint.write(effect);
      await this.checkpoint.commit();
      if (effects.some(isWrite) && ++this.commits === this.crashAt) {
        await this.checkpoint.close();
        await this.begin();
        return;
      }
      for (const effect of effects) if (!isWrite(effect)) this.perform(effect);
    }
  }

  left() {
    const { tasks, executors, operations, frameworks } = this.checkpoint.state;
    return [tasks.size, executors.size, operations.size, frameworks.size];
  }

  get resources(): Resources {
    return this.checkpoint.state.resources;
  }

  close(): Promise<void> {
    return this.checkpoint.close();
  }

  private subscribe(): void {
    this.queue.push({
      kind: 'executorSubscribed',
      key: 'F//E',
      connection: this.now++,
      unacknowledgedTasks: [],
      unacknowledgedUpdates: [...this.unacknowledged.values()],
    });
  }

  private perform(act: Act): void {
    const { state } = this.checkpoint;
    switch (act.kind) {
      case 'start':
      case 'startExecutor': {
        const record = state.tasks.get(act.key) ?? state.executors.get(act.key);
        if (record === undefined) return;
        const id = record.containerId;
        this.starts.set(id, (this.starts.get(id) ?? 0) + 1);
        this.containers.set(id, { key: act.key, status: undefined });
        this.queue.push({
          kind: 'containerStarted',
          key: act.key,
          containerId: id,
          runtime: 'process',
          facts: {},
        });
        if (act.kind === 'startExecutor') this.subscribe();
        return;
      }
      case 'terminate':
      case 'destroy':
        this.end(act.containerId, 143);
        return;
      case 'changeVolumes':
        this.queue.push({ kind: 'volumesChanged', uuid: act.uuid });
        return;
      case 'deliver':
        for (const event of act.events) {
          if (event.kind === 'launch') this.executorSays(event.task.taskId?.value ?? '', 'TASK_RUNNING');
          if (event.kind === 'kill') this.executorSays(event.taskId, 'TASK_KILLED');
          if (event.kind === 'acknowledged') this.unacknowledged.delete(event.uuid);
          if (event.kind === 'shutdown') this.end('X', 0);
        }
        return;
      case 'status': {
        const { taskId: id, status } = act;
        if (isTerminal(status.state)) this.told.set(id, (this.told.get(id) ?? new Set()).add(status.uuid));
        this.say({ kind: 'acknowledge', frameworkId: act.frameworkId, taskId: id, uuid: status.uuid });
        return;
      }
      case 'operation':
        if (act.statusUuid !== undefined)
          this.say({ kind: 'acknowledgeOperation', uuid: act.name.uuid, statusUuid: act.statusUuid });
        return;
      default:
        return;
    }
  }
}

const F = frameworkId('F');
const launched = (id: string, runtime = 'process'): LaunchedTask => ({
  taskId: taskId(id),
  task: { taskId: { value: id }, resources: [], limits: {} },
  resources: Resources.empty,
  traceparent: '',
  containerId: containerId(`C${id}`),
  plan: { runtime },
});
const executor = (id: string, kind: 'pod' | 'custom', container: string): LaunchedExecutor => ({
  executorId: id,
  info: { executorId: { value: id }, resources: [] },
  kind,
  containerId: containerId(container),
  plan: { runtime: 'process' },
});
const disk: Resource = {
  name: 'disk',
  value: { kind: 'scalar', milli: 64_000 },
  reservations: [{ type: 'DYNAMIC', role: 'web' }],
};
const volume: Resource = {
  ...disk,
  disk: { persistence: { id: 'V' }, volume: { containerPath: 'd', mode: 'RW' } },
};

async function story(workDir: string, crashAt: number): Promise<Life> {
  const life = new Life(workDir, crashAt);
  const framework = frameworkInfo();
  const operation = { frameworkId: F, operationId: undefined };
  await life.begin();
  life.say({ kind: 'launch', frameworkId: F, framework, ...launched('T1') });
  await life.settle();
  life.say({
    kind: 'launchGroup',
    frameworkId: F,
    framework,
    executor: executor('P', 'pod', 'P'),
    tasks: [launched('T2'), launched('T3')],
  });
  await life.settle();
  life.say({
    kind: 'launch',
    frameworkId: F,
    framework,
    ...launched('T4', ''),
    executor: executor('E', 'custom', 'X'),
  });
  await life.settle();
  const reserve = { kind: 'reserve', resources: Resources.of([disk]), source: Resources.empty } as const;
  life.say({
    kind: 'applyOperation',
    name: { ...operation, uuid: '01' },
    change: reserve,
    info: resourceOperationToProto(reserve),
    acknowledged: true,
    statusUuid: 's1',
  });
  await life.settle();
  const create = { kind: 'create', volumes: Resources.of([volume]) } as const;
  life.say({
    kind: 'applyOperation',
    name: { ...operation, uuid: '02' },
    change: create,
    info: resourceOperationToProto(create),
    acknowledged: true,
    statusUuid: 's2',
  });
  await life.settle();
  life.end('CT1', 0);
  await life.settle();
  life.kill('T2');
  await life.settle();
  life.kill('T4');
  await life.settle();
  life.say({ kind: 'shutdownExecutor', frameworkId: F, executorId: 'E' });
  await life.settle();
  return life;
}

test('killed after any commit, the agent starts nothing twice, tells each end once, and is left with nothing', async () => {
  const root = await mkdtemp(join(tmpdir(), 'meseta-crash-'));
  try {
    const whole = await story(join(root, 'whole'), 0);
    const commits = whole.commits;
    await whole.close();
    expect(commits).toBeGreaterThan(25);
    for (let crashAt = 1; crashAt <= commits; crashAt++) {
      const life = await story(join(root, String(crashAt)), crashAt);
      const ends = [...life.told].map(([id, uuids]) => `${id} ${uuids.size}`).sort();
      expect([crashAt, ends]).toEqual([crashAt, ['T1 1', 'T2 1', 'T3 1', 'T4 1']]);
      expect([crashAt, ...life.left()]).toEqual([crashAt, 0, 0, 0, 0]);
      for (const [id, starts] of life.starts) expect([crashAt, id, starts]).toEqual([crashAt, id, 1]);
      expect([crashAt, life.resources.toString().includes('V')]).toEqual([crashAt, true]);
      await life.close();
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}, 60_000);
