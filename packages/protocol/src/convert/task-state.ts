import type { Failure, TaskState } from '@meseta/model';
import { failure, taskStates } from '@meseta/model';
import { TaskState as ProtoTaskState } from '../gen/meseta/v1/task_status';

/** The state as it goes over the wire. The names are the same; the types are kept apart. */
export function taskStateToProto(state: TaskState): ProtoTaskState {
  return ProtoTaskState[state];
}

/** The state that came over the wire. One that is unset, or that a newer peer made up, is a failure. */
export function taskStateFromProto(state: ProtoTaskState | undefined): TaskState | Failure {
  if (state !== undefined && Object.hasOwn(taskStates, state)) return state as string as TaskState;
  return failure('invalid', `state must be one of the known task states, not '${state ?? 'unset'}'`, {
    field: 'state',
  });
}
