import {
  agentId,
  frameworkId,
  isFailure,
  Resources,
  taskId,
  msOfNanoseconds,
  type ContainerId,
  type FrameworkId,
} from '@meseta/model';
import {
  ExecutorInfo_Type,
  resourceOperationFromProto,
  resourcesFromProto,
  type ExecutorID,
  type ExecutorInfo,
  type FrameworkID,
  type internal,
  type TaskInfo,
} from '@meseta/protocol';
import { planOf, planOfExecutor, type RunBy, type Runtimes } from '../runtime/plan';
import type { LaunchedExecutor, LaunchedTask, Order } from '../state/command';
import type { OperationName } from '../state/operation-record';

/** What the core may not do itself: be random, and know the configuration. */
export interface OrderContext {
  readonly newId: () => string;
  readonly runtimes: Runtimes;
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
      orders.push({ kind: 'refused', ...message.value });
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
      const grace = nanoseconds === undefined ? {} : { graceMs: Math.max(0, msOfNanoseconds(nanoseconds)) };
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
    case 'launchGroup':
      addLaunchGroup(orders, message.value, context);
      return;
    case 'applyOperation':
      addOperation(orders, message.value, context);
      return;
    case 'acknowledgeOperation': {
      const uuid = message.value.operationUuid?.value?.toString('hex');
      const statusUuid = message.value.statusUuid?.value?.toString('hex');
      if (uuid !== undefined && statusUuid !== undefined)
        orders.push({ kind: 'acknowledgeOperation', uuid, statusUuid });
      return;
    }
    case 'reconcileOperations':
      for (const reference of message.value.operations)
        if (reference.operationUuid?.value !== undefined)
          orders.push({ kind: 'reconcileOperation', name: operationName(reference) });
      return;
    case 'frameworkMessage': {
      const executor = executorOf(message.value);
      if (executor !== undefined)
        orders.push({ kind: 'frameworkMessage', ...executor, data: message.value.data });
      return;
    }
    case 'shutdownExecutor': {
      const executor = executorOf(message.value);
      if (executor !== undefined) orders.push({ kind: 'shutdownExecutor', ...executor });
      return;
    }
    case 'drain': {
      const { maxGracePeriodMs, markGone } = message.value;
      const graceMaxMs = Number(maxGracePeriodMs);
      orders.push({ kind: 'drain', markGone, ...(graceMaxMs >= 0 && { graceMaxMs }) });
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
  if (frameworkInfo === undefined || framework === undefined || task?.taskId?.value === undefined) return;
  const { executor } = task;
  orders.push({
    kind: 'launch',
    frameworkId: frameworkId(framework),
    framework: frameworkInfo,
    ...launchedTask(task, framework, traceparent, executor === undefined ? 'command' : 'custom', context),
    ...(executor !== undefined && { executor: launchedExecutor(executor, 'custom', context, [task]) }),
  });
}

function addLaunchGroup(
  orders: Order[],
  { frameworkInfo, executor, taskGroup, traceparents }: internal.LaunchGroup,
  context: OrderContext,
): void {
  const framework = frameworkInfo?.id?.value;
  const tasks = taskGroup?.tasks ?? [];
  if (frameworkInfo === undefined || framework === undefined || executor === undefined) return;
  if (tasks.length === 0 || tasks.some(({ taskId: id }) => id?.value === undefined)) return;
  const by = executor.type === ExecutorInfo_Type.CUSTOM ? 'custom' : 'pod';
  orders.push({
    kind: 'launchGroup',
    frameworkId: frameworkId(framework),
    framework: frameworkInfo,
    executor: launchedExecutor(executor, by, context, tasks),
    tasks: tasks.map((task, at) => launchedTask(task, framework, traceparents[at] ?? '', by, context)),
  });
}

function launchedTask(
  task: TaskInfo,
  framework: string,
  traceparent: string,
  by: RunBy,
  context: OrderContext,
): LaunchedTask {
  const resources = resourcesFromProto(task.resources);
  return {
    taskId: taskId(task.taskId?.value ?? ''),
    task,
    resources: isFailure(resources) ? Resources.empty : resources,
    traceparent,
    containerId: context.newId() as ContainerId,
    plan: planOf(task, framework, { resources }, by, context.runtimes),
  };
}

function launchedExecutor(
  info: ExecutorInfo,
  by: 'pod' | 'custom',
  context: OrderContext,
  tasks: readonly TaskInfo[],
): LaunchedExecutor {
  const resources = resourcesFromProto([
    ...info.resources,
    ...tasks.flatMap(({ resources: ofTask }) => ofTask),
  ]);
  return {
    executorId: info.executorId?.value ?? '',
    info,
    kind: by,
    containerId: context.newId() as ContainerId,
    plan: planOfExecutor(info, resources, by, context.runtimes),
  };
}

function addOperation(
  orders: Order[],
  { frameworkId: framework, operation, operationUuid, acknowledged }: internal.ApplyOperation,
  context: OrderContext,
): void {
  if (operation === undefined || operationUuid?.value === undefined) return;
  orders.push({
    kind: 'applyOperation',
    name: operationName({ frameworkId: framework, operationUuid, operationId: operation.id }),
    change: resourceOperationFromProto(operation),
    info: operation,
    acknowledged,
    statusUuid: context.newId().replaceAll('-', ''),
  });
}

function operationName({
  frameworkId: framework,
  operationUuid,
  operationId,
}: internal.OperationReference): OperationName {
  return {
    uuid: operationUuid?.value?.toString('hex') ?? '',
    frameworkId: framework?.value === undefined ? undefined : frameworkId(framework.value),
    operationId: operationId?.value,
  };
}

function executorOf(message: {
  readonly frameworkId?: FrameworkID | undefined;
  readonly executorId?: ExecutorID | undefined;
}): { readonly frameworkId: FrameworkId; readonly executorId: string } | undefined {
  const framework = message.frameworkId?.value;
  const executor = message.executorId?.value;
  return framework === undefined || executor === undefined
    ? undefined
    : { frameworkId: frameworkId(framework), executorId: executor };
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
