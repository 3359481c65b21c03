import { agentId, containerId, frameworkId, instant, taskId, type Instant, type TaskState } from '@meseta/model';
import type { FrameworkInfo, FrameworkInfo_Capability_Type, TaskInfo } from '@meseta/protocol';
import type { Command, Exit, Launch, Order, Recovered } from '../command';
import { isWrite, type Effect } from '../effect';
import { emptyState, nextDeadline, taskKey, type AgentState, type TaskRecord } from '../state';
import { step } from '../step';

const framework = frameworkId('F');

/** An agent's core, driven by hand: every call is one thing that happens, and returns what follows in words. */
export class Story {
  readonly state: AgentState = emptyState('meseta');
  now: Instant = instant(1_000_000);
  private sessions = 0;

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
      traceparent: '',
      containerId: containerId(`C-${id}`),
      plan: more.plan ?? { runtime: 'process' },
    });
  }

  started(id: string): string[] {
    return this.do({ kind: 'containerStarted', key: taskKey(framework, taskId(id)), containerId: containerId(`C-${id}`), facts: { pid: 7 } });
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
    while (this.state.deadlines.takeDue(instant(Number.MAX_SAFE_INTEGER)) !== undefined);
  }

  do(command: Command): string[] {
    return step(this.state, command, this.now).flatMap(inWords);
  }
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
      return [effect.kind];
  }
}

function short(state: TaskState): string {
  return state.slice('TASK_'.length);
}
