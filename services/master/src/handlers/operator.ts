import { FailureError, callUnary, unaryHandler, version } from '@meseta/kit';
import { failure, type FrameworkId, type TaskId } from '@meseta/model';
import {
  type ExplainRequest,
  type GetTasksRequest,
  type KillTaskRequest,
  type MasterInfo,
  type OperatorServiceServer,
  type TeardownFrameworkRequest,
  type UpdateQuotaRequest,
  type UpdateWeightsRequest,
} from '@meseta/protocol';
import type { Framework, MasterView, Task } from '../state/state';
import { agentStatusOf } from '../wire/agents';
import { agentsToProto, frameworksToProto, rolesToProto, stateToProto, tasksToProto } from '../wire/state';
import { quotaStatusOf, weightsOf } from '../wire/quota';
import { taskToProto } from '../wire/tasks';
import { agentAdminHandlers } from './agent-admin';
import { agentResourcesHandlers } from './agent-resources';
import { notLeader, termOf, type Leading } from './leading';
import { frameworkOf, graceMsOf, quotasOf, taskOf } from './read';
import { watchHandler } from './watch';

/** What the operator's answers say of this master itself. */
export interface Identity {
  readonly masterInfo: MasterInfo;
  readonly cluster: string;
  readonly startedAtMs: number;
}

/** The OperatorService: reads are taken between two turns, when all that is seen is durable. */
export function operatorHandlers(leading: Leading, identity: Identity): OperatorServiceServer {
  /** Reads the leader's state; a standby says who leads. */
  const read = async <T>(fn: (view: MasterView) => T): Promise<T> => {
    const answer = await termOf(leading).query((view) => ({ value: fn(view) }));
    if (answer === undefined) throw new FailureError(notLeader(leading));
    return answer.value;
  };

  return {
    getVersion: unaryHandler(async () => ({
      version,
      leading: leading.term !== undefined,
      leader: leading.leader ?? '',
    })),
    getMaster: unaryHandler(async () => {
      const term = termOf(leading);
      return {
        master: {
          masterInfo: identity.masterInfo,
          startTime: identity.startedAtMs / 1000,
          electedTime: term.electedAtMs / 1000,
        },
        term: BigInt(term.number),
        cluster: identity.cluster,
      };
    }),
    getState: unaryHandler(() =>
      read((view) => ({ state: stateToProto(view), resume: termOf(leading).events.resume })),
    ),
    getAgents: unaryHandler(() =>
      read((view) => ({
        agents: agentsToProto(view),
        statuses: [...view.agents.values()].map(agentStatusOf),
      })),
    ),
    getFrameworks: unaryHandler(() => read((view) => ({ frameworks: frameworksToProto(view) }))),
    getTasks: unaryHandler(({ frameworkId, taskId }: GetTasksRequest) =>
      read((view) => ({
        tasks: tasksToProto(view, {
          ...(frameworkId === undefined ? {} : { frameworkId: frameworkOf(frameworkId) }),
          ...(taskId === undefined ? {} : { taskId: taskOf(taskId) }),
        }),
      })),
    ),
    getRoles: unaryHandler(() => read((view) => ({ roles: rolesToProto(view) }))),
    killTask: unaryHandler(async ({ frameworkId, taskId, killPolicy }: KillTaskRequest) => {
      const term = termOf(leading);
      const id = taskOf(taskId);
      const owner =
        frameworkId === undefined ? await read((view) => ownerOf(view, id)) : frameworkOf(frameworkId);
      const graceMs = graceMsOf(killPolicy);
      const task = await term.replies.ask((call) =>
        term.submit({ kind: 'operatorKill', call, frameworkId: owner, taskId: id, graceMs }),
      );
      return { task: taskToProto(task as Task) };
    }),
    teardownFramework: unaryHandler(async ({ frameworkId }: TeardownFrameworkRequest) => {
      const term = termOf(leading);
      const id = frameworkOf(frameworkId);
      const framework = await term.replies.ask((call) =>
        term.submit({ kind: 'operatorTeardown', call, frameworkId: id }),
      );
      return { frameworkInfo: (framework as Framework).info };
    }),
    getQuota: unaryHandler(() => read(quotaStatusOf)),
    updateQuota: unaryHandler(async ({ force, quotaConfigs }: UpdateQuotaRequest) => {
      const term = termOf(leading);
      const quotas = quotasOf(quotaConfigs);
      await term.replies.ask((call) => term.submit({ kind: 'updateQuota', call, quotas, force }));
      return {};
    }),
    getWeights: unaryHandler(() => read(weightsOf)),
    updateWeights: unaryHandler(async ({ weightInfos }: UpdateWeightsRequest) => {
      const term = termOf(leading);
      const weights = weightInfos.map(({ role, weight }) => ({ role: role ?? '', weight: weight ?? 0 }));
      await term.replies.ask((call) => term.submit({ kind: 'updateWeights', call, weights }));
      return {};
    }),
    ...agentAdminHandlers(leading, read),
    ...agentResourcesHandlers(leading),
    watch: watchHandler(leading),
    explain: unaryHandler(async ({ frameworkId, role }: ExplainRequest) => {
      const term = termOf(leading);
      const id = frameworkOf(frameworkId);
      const blocked = await read((view) => blockedWhy(view, id));
      const client = term.allocatorClient;
      if (client === undefined)
        return { blocked: blocked === '' ? 'no allocator is connected: offers pause' : blocked, roles: [] };
      const answer = await callUnary(client.explain.bind(client), { frameworkId: { value: id }, role });
      return { blocked, roles: answer.roles };
    }),
  };
}

/** The framework of a task whose id is unique. */
function ownerOf(view: MasterView, taskId: TaskId): FrameworkId {
  const owners = [...view.frameworks.values()].filter((framework) => framework.tasks.has(taskId));
  const [owner] = owners;
  if (owner === undefined) throw new FailureError(failure('notFound', `task ${taskId} is not running`));
  if (owners.length > 1)
    throw new FailureError(
      failure('invalid', `framework_id must be set: ${owners.length} frameworks have a task ${taskId}`, {
        field: 'framework_id',
      }),
    );
  return owner.id;
}

/** What stops every offer to a framework, in words. */
function blockedWhy(view: MasterView, id: FrameworkId): string {
  const framework = view.frameworks.get(id);
  if (framework === undefined) throw new FailureError(failure('notFound', `framework ${id} is not known`));
  if (framework.membership !== 'active')
    return `the framework is ${framework.membership}: it gets offers when it has subscribed`;
  const active = [...view.agents.values()].some((agent) => agent.membership === 'active');
  return active ? '' : 'no agent is connected';
}
