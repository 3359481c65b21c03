import { resolve } from 'node:path';
import { failure, isFailure, Resources } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { AgentState, TaskRecord } from '../state/state';

/** Says what may be offered on top of the agent's own, to be taken back at any moment (G142). */
export interface ResourceEstimator {
  /** What is not revocable in the answer is made so. */
  oversubscribable(view: OversubscriptionView): Resources | Promise<Resources>;
}

/** Says which tasks on revocable resources are in the way (G143). */
export interface QosController {
  /** Tasks to be ended; those that use no revocable resources are left alone, whatever is said. */
  corrections(view: OversubscriptionView): readonly Correction[] | Promise<readonly Correction[]>;
}

export interface Correction {
  readonly frameworkId: string;
  readonly taskId: string;
  /** For people. */
  readonly message: string;
}

/** What a module may look at. */
export interface OversubscriptionView {
  /** The agent's own, with what operations made of it. */
  readonly total: Resources;
  /** Tasks that run. */
  readonly tasks: readonly Pick<TaskRecord, 'frameworkId' | 'taskId' | 'info'>[];
}

export function viewOf(state: AgentState): OversubscriptionView {
  return {
    total: state.resources,
    tasks: [...state.tasks.values()].filter(({ phase }) => phase === 'running'),
  };
}

/**
 * Makes the estimator that the operator named: `none`, `fixed:<resources>`, or the path of a module that exports `createResourceEstimator`.
 *
 * @throws FailureError of one line
 */
export function createEstimator(named: string): ResourceEstimator {
  if (named === 'none') return { oversubscribable: () => Resources.empty };
  if (named.startsWith('fixed:')) {
    const fixed = Resources.parse(named.slice('fixed:'.length));
    if (isFailure(fixed))
      throw new FailureError(failure('invalid', `${fixed.message} (--resource-estimator)`));
    return { oversubscribable: () => fixed };
  }
  return load<ResourceEstimator>(named, 'createResourceEstimator', '--resource-estimator');
}

/** Makes the controller that the operator named: `none`, or the path of a module that exports `createQosController`. */
export function createController(named: string): QosController {
  return named === 'none'
    ? { corrections: () => [] }
    : load<QosController>(named, 'createQosController', '--qos-controller');
}

function load<T>(path: string, name: string, flag: string): T {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- what to load is the operator's to say
    const loaded = require(resolve(path)) as Record<string, unknown>;
    const create = loaded[name];
    if (typeof create === 'function') return (create as () => T)();
    throw new Error(`it exports no function ${name}`);
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new FailureError(failure('invalid', `cannot load ${path}: ${why} (${flag})`));
  }
}
