import {
  failure,
  frameworkId,
  isFailure,
  isTerminal,
  taskId,
  validateId,
  type TaskState,
} from '@meseta/model';
import { FailureError, isFailureError, toServiceError, unaryHandler, type GrpcService } from '@meseta/kit';
import {
  ExecutorServiceService,
  TaskStatus_Reason,
  TaskStatus_Source,
  taskStateFromProto,
  type ExecutorID,
  type ExecutorServiceServer,
  type FrameworkID,
  type TaskStatus,
} from '@meseta/protocol';
import type { Metadata } from '@grpc/grpc-js';
import type { ExecutorCall, ExecutorStreams } from '../effects/executor-streams';
import type { Command } from '../state/command';
import type { ExecutorUpdate } from '../state/executor-session';
import type { ExecutorKey, ExecutorRecord } from '../state/state';
import { executorKey } from '../state/state';
import type { Reason } from '../state/status';
import type { ExecutorTokens } from '../secrets/executor-tokens';
import type { AgentView } from './agent-view';

/** The longest message between an executor and its framework. Bytes. */
export const messageBytesMax = 1024 * 1024;

/** What executors may call. */
export interface ExecutorServiceOptions {
  readonly view: AgentView;
  readonly streams: ExecutorStreams;
  /** Unset believes every caller. */
  readonly tokens: Pick<ExecutorTokens, 'refusalOf'> | undefined;
  readonly push: (command: Command) => void;
}

/** How custom executors run tasks for their frameworks. */
export function executorGrpcService({ view, streams, tokens, push }: ExecutorServiceOptions): GrpcService {
  const implementation: ExecutorServiceServer = {
    subscribe: (call: ExecutorCall) => {
      try {
        subscribe(call);
      } catch (error) {
        const answer = isFailureError(error)
          ? error.failure
          : failure('bug', 'the executor could not be subscribed');
        call.emit('error', toServiceError(answer));
      }
    },
    update: unaryHandler((request, { metadata }) => {
      const executor = subscribed(request, metadata);
      const updates = request.updates.map(({ status }) => updateOf(executor, status));
      push({ kind: 'executorUpdated', key: executor.key, updates });
      return Promise.resolve({});
    }),
    message: unaryHandler((request, { metadata }) => {
      const executor = subscribed(request, metadata);
      const messages = request.messages.map(({ data }) => checkedData(data));
      push({ kind: 'executorSaid', key: executor.key, messages });
      return Promise.resolve({});
    }),
  };

  function subscribe(call: ExecutorCall): void {
    const { unacknowledgedTasks = [], unacknowledgedUpdates = [] } = call.request.subscribe ?? {};
    const executor = caller(call.request, call.metadata);
    const { key } = executor;
    const updates = unacknowledgedUpdates.map(({ status }) => updateOf(executor, status));
    const connection = streams.open(call);
    const gone = (): void => {
      if (streams.forget(connection) !== undefined) push({ kind: 'executorDisconnected', key, connection });
    };
    call.on('cancelled', gone);
    call.on('close', gone);
    push({
      kind: 'executorSubscribed',
      key,
      connection,
      unacknowledgedTasks: unacknowledgedTasks.map((task) => taskId(task.taskId?.value ?? '')),
      unacknowledgedUpdates: updates,
    });
  }

  /** The executor that calls (E4). */
  function caller(names: Names, metadata: Metadata): ExecutorRecord {
    const executor = known(view, names);
    const refusal = tokens?.refusalOf(executor, metadata.get('authorization')[0]?.toString());
    if (refusal !== undefined) throw new FailureError(refusal);
    return executor;
  }

  function subscribed(names: Names, metadata: Metadata): ExecutorRecord {
    const executor = caller(names, metadata);
    if (executor.connection !== undefined) return executor;
    throw new FailureError(failure('conflict', 'the executor is not subscribed'));
  }

  return { definition: ExecutorServiceService, implementation, fullName: 'meseta.v1.ExecutorService' };
}

interface Names {
  readonly frameworkId?: FrameworkID | undefined;
  readonly executorId?: ExecutorID | undefined;
}

/** An executor by its names; one that the agent did not start is nobody (E3). */
function known({ state }: AgentView, { frameworkId: framework, executorId }: Names): ExecutorRecord {
  const executor = state.executors.get(keyOf(framework, executorId));
  if (executor?.kind === 'custom' && executor.phase !== 'ended') return executor;
  throw new FailureError(
    failure(
      'notFound',
      `executor '${executorId?.value ?? ''}' of framework '${framework?.value ?? ''}' is not on this agent`,
    ),
  );
}

function keyOf(framework: FrameworkID | undefined, executor: ExecutorID | undefined): ExecutorKey {
  return executorKey(frameworkId(framework?.value ?? ''), executor?.value ?? '');
}

/** What an executor may tell of a task that has not ended. */
const tellable: ReadonlySet<TaskState> = new Set(['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING']);

/** A status as an executor may tell it (E6). */
function updateOf(executor: ExecutorRecord, status: TaskStatus | undefined): ExecutorUpdate {
  const refuse = (field: string, rule: string): FailureError =>
    new FailureError(failure('invalid', `status.${field} ${rule}`, { field: `updates.status.${field}` }));
  if (status === undefined) throw refuse('', 'must be set');
  const id = status.taskId?.value ?? '';
  const badId = validateId('status.task_id', id);
  if (badId !== undefined) throw new FailureError(badId);
  if (status.uuid?.length !== 16) throw refuse('uuid', 'must be of 16 bytes');
  if (status.source !== TaskStatus_Source.EXECUTOR) throw refuse('source', 'must be SOURCE_EXECUTOR');
  if (status.executorId?.value !== undefined && status.executorId.value !== executor.executorId)
    throw refuse('executor_id', 'must be the executor that calls');
  const state = taskStateFromProto(status.state);
  if (isFailure(state) || (!isTerminal(state) && !tellable.has(state)))
    throw refuse('state', 'must be one that an executor may tell');
  const reason = reasonOf(status.reason);
  return {
    taskId: taskId(id),
    uuid: status.uuid.toString('hex'),
    state,
    ...(reason !== undefined && { reason }),
    ...(status.message !== undefined && { message: status.message }),
    given: status,
  };
}

/** The name without its prefix, as the core has it. */
function reasonOf(reason: TaskStatus_Reason | undefined): Reason | undefined {
  const found = Object.entries(TaskStatus_Reason).find(([, value]) => value === reason)?.[0];
  return found === undefined || found === 'UNRECOGNIZED' ? undefined : (found as Reason);
}

function checkedData(data: Buffer | undefined): Buffer {
  if (data === undefined)
    throw new FailureError(failure('invalid', 'messages.data must be set', { field: 'messages.data' }));
  if (data.length > messageBytesMax) {
    const rule = `messages.data must be of at most ${messageBytesMax} bytes`;
    throw new FailureError(failure('invalid', rule, { field: 'messages.data' }));
  }
  return data;
}
