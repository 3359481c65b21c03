import {
  failure,
  frameworkId,
  taskId,
  validateId,
  type Failure,
  type FrameworkId,
  type TaskId,
} from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { FrameworkID, TaskID } from '@meseta/protocol';

/** The task that a request names. Ids become paths here, so they are checked like everywhere else that they come in. */
export function namesOf(request: {
  readonly frameworkId?: FrameworkID | undefined;
  readonly taskId?: TaskID | undefined;
}): {
  readonly frameworkId: FrameworkId;
  readonly taskId: TaskId;
} {
  return {
    frameworkId: frameworkId(checked('framework_id', request.frameworkId?.value)),
    taskId: taskId(checked('task_id', request.taskId?.value)),
  };
}

function checked(field: string, value: string | undefined): string {
  const refused: Failure | undefined =
    value === undefined ? failure('invalid', `${field} must be set`, { field }) : validateId(field, value);
  if (refused !== undefined) throw new FailureError(refused);
  return value ?? '';
}
