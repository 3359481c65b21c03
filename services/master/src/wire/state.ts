import { Resources, type FrameworkId, type TaskId } from '@meseta/model';
import type { master } from '@meseta/protocol';
import { executorWithoutSecrets, resourcesToProto, type Role } from '@meseta/protocol';

import type { MasterView, Task } from '../state/state';
import { agentToProto, isRegistered } from './agents';
import { executorToProto } from './executors';
import { completedFrameworkToProto, frameworkToProto } from './frameworks';
import { executorsByFramework, offeredOn, usedOn } from './held';
import { taskToProto } from './tasks';

/** The whole cluster at one moment, as in the v1 answer. */
export function stateToProto(view: MasterView): master.Response_GetState {
  return {
    getTasks: tasksToProto(view, {}),
    getExecutors: executorsToProto(view),
    getFrameworks: frameworksToProto(view),
    getAgents: agentsToProto(view),
  };
}

/** Executors of frameworks that are known, and of those that are gone. */
export function executorsToProto(view: MasterView): master.Response_GetExecutors {
  const all = [...view.agents.values()].flatMap((agent) => [...agent.executors.values()]);
  const shown = (known: boolean) =>
    all
      .filter((one) => view.frameworks.has(one.frameworkId) === known)
      .map((one) => ({
        executorInfo: executorWithoutSecrets(executorToProto(one)),
        agentId: { value: one.agentId },
      }));
  return { executors: shown(true), orphanExecutors: shown(false) };
}

export function agentsToProto(view: MasterView): master.Response_GetAgents {
  const agents = [...view.agents.values()];
  return {
    agents: agents.filter(isRegistered).map((agent) => agentToProto(agent, view)),
    recoveredAgents: agents.filter((agent) => agent.membership === 'recovered').map((agent) => agent.info),
  };
}

export function frameworksToProto(view: MasterView): master.Response_GetFrameworks {
  const executors = executorsByFramework(view.agents.values());
  return {
    frameworks: [...view.frameworks.values()].map((framework) =>
      frameworkToProto(framework, view, executors),
    ),
    completedFrameworks: [...view.completedFrameworks.values()].map(completedFrameworkToProto),
    recoveredFrameworks: [],
  };
}

/** Tasks of one framework, or one task, or all. */
export function tasksToProto(
  view: MasterView,
  only: { readonly frameworkId?: FrameworkId; readonly taskId?: TaskId },
): master.Response_GetTasks {
  const pick = (tasks: Iterable<Task>) =>
    [...tasks]
      .filter(
        (task) =>
          (only.frameworkId === undefined || task.frameworkId === only.frameworkId) &&
          (only.taskId === undefined || task.id === only.taskId),
      )
      .map(taskToProto);
  const frameworks = [...view.frameworks.values()];
  const orphans = [...view.agents.values()].flatMap((agent) =>
    [...agent.tasks.values()].filter((task) => task.orphaned),
  );
  return {
    pendingTasks: [],
    tasks: frameworks.flatMap((framework) => pick(framework.tasks.values())),
    unreachableTasks: frameworks.flatMap((framework) => pick(framework.unreachable.values())),
    completedTasks: [...frameworks, ...view.completedFrameworks.values()].flatMap((framework) =>
      pick(framework.completed),
    ),
    orphanTasks: pick(orphans),
  };
}

/** The roles in use, with what each holds: what its frameworks use and are offered. */
export function rolesToProto(view: MasterView): Role[] {
  const roles = new Map<string, { frameworks: FrameworkId[]; held: Resources }>();
  const roleOf = (name: string) => {
    const known = roles.get(name) ?? { frameworks: [], held: Resources.empty };
    roles.set(name, known);
    return known;
  };
  for (const name of [...view.weights.keys(), ...view.quotas.keys()]) roleOf(name);
  for (const agent of view.agents.values()) {
    // Of a refined reservation each layer is one of its role (R27).
    if (isRegistered(agent))
      for (const { reservations } of agent.total.entries) for (const { role } of reservations) roleOf(role);
    for (const held of [...usedOn(agent), ...offeredOn(agent, view)]) {
      const role = roleOf(held.role);
      role.held = role.held.add(held.resources);
    }
  }
  for (const framework of view.frameworks.values())
    for (const name of framework.roles) roleOf(name).frameworks.push(framework.id);
  return [...roles].map(([name, { frameworks, held }]) => ({
    name,
    weight: view.weights.get(name) ?? 1,
    frameworks: frameworks.map((value) => ({ value })),
    resources: resourcesToProto(held),
  }));
}
