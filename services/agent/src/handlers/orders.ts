import { agentId, frameworkId, taskId, type ContainerId } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import type { Order } from '../state/command';
import { planOf } from '../runtime/plan';

/** What the core may not do itself: be random, and know the configuration. */
export interface OrderContext {
  readonly newId: () => string;
  readonly runtimes: ReadonlySet<string>;
}

/**
 * The master's messages as the core takes them.
 *
 * @returns the orders, and how many messages were of a kind that this agent does not know or lacked what they must have
 */
export function ordersOf(
  messages: readonly internal.MasterMessage[],
  context: OrderContext,
): { readonly orders: Order[]; readonly ignored: number } {
  const orders: Order[] = [];
  let ignored = 0;
  for (const { message } of messages) {
    const before = orders.length;
    if (message !== undefined) add(orders, message, context);
    if (orders.length === before) ignored++;
  }
  return { orders, ignored };
}

function add(
  orders: Order[],
  message: NonNullable<internal.MasterMessage['message']>,
  context: OrderContext,
): void {
  switch (message.$case) {
    case 'registered': {
      const { agentId: id, cluster, silenceMaxMs } = message.value;
      if (id?.value === undefined) return;
      orders.push({
        kind: 'registered',
        agentId: agentId(id.value),
        cluster,
        silenceMaxMs: Number(silenceMaxMs),
      });
      return;
    }
    case 'refused':
      orders.push({ kind: 'refused', reason: message.value.reason });
      return;
    case 'ping':
      orders.push({ kind: 'ping', sequence: message.value.sequence });
      return;
    case 'launchTask':
      addLaunch(orders, message.value, context);
      return;
    case 'killTask': {
      const task = namesOf(message.value);
      if (task === undefined) return;
      const nanoseconds = message.value.killPolicy?.gracePeriod?.nanoseconds;
      const grace = nanoseconds === undefined ? {} : { graceMs: Math.max(0, Number(nanoseconds) / 1e6) };
      orders.push({ kind: 'kill', ...task, ...grace, seed: context.newId() });
      return;
    }
    case 'acknowledgeUpdate': {
      const task = namesOf(message.value);
      if (task !== undefined)
        orders.push({ kind: 'acknowledge', ...task, uuid: message.value.uuid.toString('hex') });
      return;
    }
    case 'reconcileTasks':
      for (const reference of message.value.tasks) {
        const task = namesOf(reference);
        if (task !== undefined) orders.push({ kind: 'reconcile', ...task, seed: context.newId() });
      }
      return;
    case 'updateFramework': {
      const info = message.value.frameworkInfo;
      if (info?.id?.value === undefined) return;
      orders.push({ kind: 'updateFramework', frameworkId: frameworkId(info.id.value), info });
      return;
    }
    case 'shutdownFramework': {
      const id = message.value.frameworkId?.value;
      if (id !== undefined) orders.push({ kind: 'shutdownFramework', frameworkId: frameworkId(id) });
      return;
    }
  }
}

function addLaunch(
  orders: Order[],
  { frameworkInfo, task, traceparent }: internal.LaunchTask,
  context: OrderContext,
): void {
  const framework = frameworkInfo?.id?.value;
  const name = task?.taskId?.value;
  if (frameworkInfo === undefined || task === undefined || framework === undefined || name === undefined)
    return;
  orders.push({
    kind: 'launch',
    frameworkId: frameworkId(framework),
    framework: frameworkInfo,
    taskId: taskId(name),
    task,
    traceparent,
    containerId: context.newId() as ContainerId,
    plan: planOf(task, framework, context.runtimes),
  });
}

function namesOf(
  message: internal.TaskReference,
): Pick<Order & { kind: 'kill' }, 'frameworkId' | 'taskId'> | undefined {
  const framework = message.frameworkId?.value;
  const task = message.taskId?.value;
  return framework === undefined || task === undefined
    ? undefined
    : { frameworkId: frameworkId(framework), taskId: taskId(task) };
}
