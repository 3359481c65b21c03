import { agentId, containerId, frameworkId, instant, Resources, taskId, type Failure, type Instant, type Resource, type ResourceOperation, type TaskState } from '@meseta/model';
import type { FrameworkInfo, FrameworkInfo_Capability_Type, TaskInfo } from '@meseta/protocol';
import type { CheckAnswer, CheckName, ProbeResult } from '../check-record';
import type { Command, Exit, Launch, LaunchedExecutor, Order, Plan, Recovered } from '../command';
import type { ExecutorUpdate } from '../executor-session';
import { isWrite, type Effect, type ExecutorEvent } from '../effect';
import { emptyState, executorKey, nextDeadline, taskKey, type AgentState, type StartedFacts, type TaskRecord } from '../state';
import { step } from '../step';

const framework = frameworkId('F');

/** An agent's core, driven by hand: every call is one thing that happens, and returns what follows in words. */
export class Story {
  readonly state: AgentState = emptyState('meseta');
  now: Instant = instant(1_000_000);
  private sessions = 0;
  private connections = 0;

  /** An agent that a master of term 5 has taken in. */
  static registered(): Story {
    const story = new Story();
    story.connect();
    return story;
  }

  connect(term = 5, silenceMaxMs = 75_000): string[] {
    this.do({ kind: 'sessionOpened', sessionId: ++this.sessions });
    return this.order({ kind: 'registered', agentId: agentId('A1'), cluster: 'meseta', silenceMaxMs }, term);
  }

  disconnect(): string[] {
    return this.do({ kind: 'sessionClosed', sessionId: this.sessions });
  }

  order(order: Order, term = 5): string[] {
    return this.do({ kind: 'masterSaid', sessionId: this.sessions, term, orders: [order] });
  }

  launch(id: string, more: { task?: Partial<TaskInfo>; framework?: Partial<FrameworkInfo>; plan?: Launch['plan'] } = {}): string[] {
    return this.order({
      kind: 'launch',
      frameworkId: framework,
      framework: frameworkInfo(more.framework),
      taskId: taskId(id),
      task: { taskId: { value: id }, resources: [], limits: {}, ...more.task },
      resources: Resources.empty,
      traceparent: '',
      containerId: containerId(`C-${id}`),
      plan: more.plan ?? { runtime: 'process' },
    });
  }

  /** Tasks of one group, whose executor the agent plays or the framework brings. */
  launchGroup(executorId: string, ids: readonly string[], more: { task?: Partial<TaskInfo>; framework?: Partial<FrameworkInfo>; kind?: 'pod' | 'custom'; plan?: Plan } = {}): string[] {
    const kind = more.kind ?? 'pod';
    return this.order({
      kind: 'launchGroup',
      frameworkId: framework,
      framework: frameworkInfo(more.framework),
      executor: launchedExecutor(executorId, kind),
      tasks: ids.map((id) => ({
        taskId: taskId(id),
        task: { taskId: { value: id }, resources: [], limits: {}, ...more.task },
        resources: Resources.empty,
        traceparent: '',
        containerId: containerId(`C-${id}`),
        plan: more.plan ?? { runtime: kind === 'pod' ? 'process' : '' },
      })),
    });
  }

  /** A task of a custom executor. */
  launchWith(
    executorId: string,
    id: string,
    more: { framework?: Partial<FrameworkInfo>; task?: Partial<TaskInfo>; executor?: Partial<LaunchedExecutor> } = {},
  ): string[] {
    return this.order({
      kind: 'launch',
      frameworkId: framework,
      framework: frameworkInfo(more.framework),
      taskId: taskId(id),
      task: { taskId: { value: id }, resources: [], limits: {}, ...more.task },
      resources: Resources.empty,
      traceparent: '',
      containerId: containerId(`C-${id}`),
      plan: { runtime: '' },
      executor: { ...launchedExecutor(executorId, 'custom'), ...more.executor },
    });
  }

  executorStarted(id: string): string[] {
    return this.do({ kind: 'containerStarted', key: executorKey(framework, id), containerId: containerId(`X-${id}`), runtime: 'process', facts: { pid: 8 } });
  }

  executorEnded(id: string, exit: Exit | number): string[] {
    const how: Exit = typeof exit === 'number' ? { kind: 'exited', status: exit } : exit;
    return this.do({ kind: 'containerEnded', key: executorKey(framework, id), containerId: containerId(`X-${id}`), exit: how });
  }

  subscribe(id: string, more: { tasks?: readonly string[]; updates?: readonly ExecutorUpdate[] } = {}): string[] {
    return this.do({
      kind: 'executorSubscribed',
      key: executorKey(framework, id),
      connection: ++this.connections,
      unacknowledgedTasks: (more.tasks ?? []).map((task) => taskId(task)),
      unacknowledgedUpdates: more.updates ?? [],
    });
  }

  /** An executor that runs and listens. */
  executorRunning(executorId: string, id: string, more: Parameters<Story['launchWith']>[2] = {}): void {
    this.launchWith(executorId, id, more);
    this.executorStarted(executorId);
    this.subscribe(executorId);
  }

  executorSays(id: string, ...updates: ExecutorUpdate[]): string[] {
    return this.do({ kind: 'executorUpdated', key: executorKey(framework, id), updates });
  }

  apply(uuid: string, change: ResourceOperation | Failure, acknowledged = true): string[] {
    return this.order({
      kind: 'applyOperation',
      name: { uuid, frameworkId: framework, operationId: undefined },
      change,
      info: {},
      acknowledged,
      statusUuid: `S-${uuid}`,
    });
  }

  probed(id: string, which: CheckName, result: ProbeResult | CheckAnswer): string[] {
    const task = this.task(id);
    return this.do({
      kind: 'probed',
      key: taskKey(framework, taskId(id)),
      which,
      attempt: task?.[which]?.attempt ?? 0,
      result: 'type' in result ? { kind: 'answered', answer: result } : result,
    });
  }

  started(id: string, more: Partial<StartedFacts> = {}): string[] {
    return this.do({ kind: 'containerStarted', key: taskKey(framework, taskId(id)), containerId: containerId(`C-${id}`), runtime: 'process', facts: { pid: 7, ...more } });
  }

  /** A task that runs, with everything so far acknowledged. */
  running(id: string, more: Parameters<Story['launch']>[1] = {}): void {
    this.launch(id, more);
    this.acknowledge(id);
    this.started(id);
    this.acknowledge(id);
  }

  cancelled(id: string): string[] {
    return this.do({ kind: 'startCancelled', key: taskKey(framework, taskId(id)), containerId: containerId(`C-${id}`) });
  }

  failed(id: string, message: string): string[] {
    return this.do({ kind: 'startFailed', key: taskKey(framework, taskId(id)), containerId: containerId(`C-${id}`), message, reason: 'CONTAINER_LAUNCH_FAILED' });
  }

  progressed(id: string, message: string): string[] {
    return this.do({ kind: 'startProgressed', key: taskKey(framework, taskId(id)), containerId: containerId(`C-${id}`), message });
  }

  ended(id: string, exit: Exit | number): string[] {
    const how: Exit = typeof exit === 'number' ? { kind: 'exited', status: exit } : exit;
    return this.do({ kind: 'containerEnded', key: taskKey(framework, taskId(id)), containerId: containerId(`C-${id}`), exit: how });
  }

  kill(id: string, graceMs?: number): string[] {
    return this.order({ kind: 'kill', frameworkId: framework, taskId: taskId(id), seed: 'ab'.repeat(16), ...(graceMs !== undefined && { graceMs }) });
  }

  /** Acknowledges what is in flight, or a uuid of nothing. */
  acknowledge(id: string, uuid = this.task(id)?.updates[0]?.uuid ?? 'none'): string[] {
    return this.order({ kind: 'acknowledge', frameworkId: framework, taskId: taskId(id), uuid });
  }

  reconcile(id: string): string[] {
    return this.order({ kind: 'reconcile', frameworkId: framework, taskId: taskId(id), seed: 'cd'.repeat(16) });
  }

  updateFramework(more: Partial<FrameworkInfo> = {}): string[] {
    return this.order({ kind: 'updateFramework', frameworkId: framework, info: frameworkInfo(more) });
  }

  shutdownFramework(): string[] {
    return this.order({ kind: 'shutdownFramework', frameworkId: framework });
  }

  recovered(id: string, found: Recovered['found']): string[] {
    return this.do({ kind: 'recovered', outcomes: [{ key: taskKey(framework, taskId(id)), containerId: containerId(`C-${id}`), found }] });
  }

  /** Lets time pass, waking the core at each of its deadlines. */
  advance(ms: number): string[] {
    const until = instant(this.now + ms);
    const said: string[] = [];
    for (let at = nextDeadline(this.state); at !== undefined && at <= until; at = nextDeadline(this.state)) {
      this.now = at;
      for (const line of this.do({ kind: 'tick' })) said.push(`${at - (until - ms)} ms: ${line}`);
    }
    this.now = until;
    return said;
  }

  task(id: string): TaskRecord | undefined {
    return this.state.tasks.get(taskKey(framework, taskId(id)));
  }

  /** What an agent that was killed and started again reads back from its checkpoint: everything but what is only in its head. */
  restart(): void {
    this.state.session = undefined;
    for (const task of this.state.tasks.values()) {
      task.sent = 0;
      task.retryAt = undefined;
    }
    for (const executor of this.state.executors.values()) {
      executor.connection = undefined;
      executor.deadline = undefined;
    }
    for (const operation of this.state.operations.values()) {
      operation.sent = 0;
      operation.retryAt = undefined;
    }
    while (this.state.deadlines.takeDue(instant(Number.MAX_SAFE_INTEGER)) !== undefined);
  }

  do(command: Command): string[] {
    return step(this.state, command, this.now).flatMap(inWords);
  }
}

function launchedExecutor(executorId: string, kind: 'pod' | 'custom'): LaunchedExecutor {
  return {
    executorId,
    info: { executorId: { value: executorId }, resources: [] },
    kind,
    containerId: containerId(`X-${executorId}`),
    plan: { runtime: 'process' },
  };
}

/** A status that an executor tells. */
export function executorUpdate(id: string, state: TaskState, uuid = `U-${id}-${state}`): ExecutorUpdate {
  return { taskId: taskId(id), uuid, state, given: { taskId: { value: id } } };
}

export function frameworkInfo(more: Partial<FrameworkInfo> = {}): FrameworkInfo {
  return { id: { value: 'F' }, checkpoint: true, roles: [], capabilities: [], offerFilters: {}, ...more };
}

/** Capabilities of a framework, by name. */
export function capable(...names: (keyof typeof FrameworkInfo_Capability_Type)[]): Partial<FrameworkInfo> {
  return { capabilities: names.map((type) => ({ type: type as FrameworkInfo_Capability_Type })) };
}

/** Effects as one reads them; what is only written down or logged is left out. */
function inWords(effect: Effect): string[] {
  if (isWrite(effect)) return effect.kind === 'forgetTask' ? [`forget ${effect.task.taskId}`] : [];
  switch (effect.kind) {
    case 'note':
    case 'release':
      return [];
    case 'status': {
      const { status, taskId: id, latestState, attempt } = effect;
      const reason = status.reason === undefined ? '' : ` ${status.reason}`;
      const ahead = latestState === status.state ? '' : ` (now ${short(latestState)})`;
      return [`tell ${id} ${short(status.state)}${reason}${ahead}${attempt > 1 ? ` again, ${attempt}` : ''}`];
    }
    case 'start':
      return [`start ${effect.key.slice(2)}`];
    case 'cancelStart':
      return [`cancel ${effect.key.slice(2)}`];
    case 'terminate':
    case 'destroy':
      return [`${effect.kind} ${effect.containerId}`];
    case 'closeSession':
      return [`close the session: ${effect.reason}`];
    case 'stop':
      return [`stop: ${effect.message}`];
    case 'sayGoodbye':
      return ['say goodbye'];
    case 'pong':
      return [`pong ${effect.sequence}`];
    case 'register':
    case 'registered':
    case 'resourcesChanged':
      return [effect.kind];
    case 'startExecutor':
      return [`start executor ${effect.key.slice(3)}`];
    case 'resize':
      return [`resize ${effect.key.slice(3)}`];
    case 'probe':
      return [`ask ${effect.key.slice(2)} ${effect.which} ${effect.attempt}`];
    case 'changeVolumes': {
      const names = (volumes: readonly Resource[]): string =>
        volumes.map(({ disk }) => disk?.persistence?.id).join(' ');
      const { create, destroy } = effect.changes;
      return [...(create.length > 0 ? [`make volume ${names(create)}`] : []), ...(destroy.length > 0 ? [`remove volume ${names(destroy)}`] : [])];
    }
    case 'deliver':
      return effect.events.map((event) => `to ${effect.key.slice(3)}: ${eventInWords(event)}`);
    case 'disconnectExecutor':
      return [`disconnect ${effect.connection}`];
    case 'operation':
      return [`operation ${effect.name.uuid} ${effect.state.slice('OPERATION_'.length)}${effect.statusUuid === undefined ? '' : ' to be acknowledged'}${effect.attempt > 1 ? ` again, ${effect.attempt}` : ''}`];
    case 'executorMessage':
      return [`message of ${effect.executorId}: ${Buffer.from(effect.data).toString()}`];
    case 'executorEnded':
      return [`executor ${effect.executorId} ended with ${effect.status}`];
  }
}

function eventInWords(event: ExecutorEvent): string {
  switch (event.kind) {
    case 'launch':
      return `launch ${event.task.taskId?.value}`;
    case 'launchGroup':
      return `launch group ${event.tasks.map((task) => task.taskId?.value).join(' ')}`;
    case 'kill':
      return `kill ${event.taskId} in ${event.graceMs} ms`;
    case 'acknowledged':
      return `acknowledged ${event.taskId} ${event.uuid}`;
    case 'message':
      return `message ${Buffer.from(event.data).toString()}`;
    case 'subscribed':
    case 'shutdown':
      return event.kind;
  }
}

function short(state: TaskState): string {
  return state.slice('TASK_'.length);
}
