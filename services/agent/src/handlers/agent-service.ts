import { unaryHandler, version, type GrpcService } from '@meseta/kit';
import { nanosecondsOf } from '@meseta/model';
import {
  AgentServiceService,
  type agent,
  type AgentServiceServer,
  type ExecutorInfo,
  type FrameworkInfo,
  type Task,
} from '@meseta/protocol';
import { commandExecutor, executorToProto, taskToProto } from '../effects/register-message';
import { listFiles, readFilePiece } from '../sandbox/browse';
import type { AgentState } from '../state/state';
import { sandboxOf, type AgentView } from './agent-view';
import { containersOf } from './containers';
import { namesOf } from './names';
import { attachHandler } from './attach';
import { execHandler } from './exec';
import type { SpecOf } from './running-task';
import { readLog } from './read-log';

/** What operators and tools may ask of this agent. */
export function agentGrpcService(view: AgentView, specOf: SpecOf): GrpcService {
  const implementation: AgentServiceServer = {
    getAgent: unaryHandler(() => Promise.resolve(getAgent(view))),
    getContainers: unaryHandler(async () => ({ containers: { containers: await containersOf(view) } })),
    getTasks: unaryHandler(() => Promise.resolve({ tasks: tasksOf(view) })),
    getExecutors: unaryHandler(() => Promise.resolve({ executors: executorsOf(view) })),
    getFrameworks: unaryHandler(() => Promise.resolve({ frameworks: frameworksOf(view) })),
    readLog: readLog(view),
    exec: execHandler(view, specOf),
    attach: attachHandler(view, specOf),
    listFiles: unaryHandler(async (request) => {
      const { frameworkId, taskId } = namesOf(request);
      return { files: await listFiles(sandboxOf(view, frameworkId, taskId), request.path) };
    }),
    readFile: unaryHandler(async (request) => {
      const { frameworkId, taskId } = namesOf(request);
      const sandbox = sandboxOf(view, frameworkId, taskId);
      const { size, data } = await readFilePiece(
        sandbox,
        request.path,
        Number(request.offset),
        Number(request.length),
      );
      return { size: BigInt(size), data };
    }),
  };
  return { definition: AgentServiceService, implementation, fullName: 'meseta.v1.AgentService' };
}

function getAgent(view: AgentView) {
  const { agentId } = view.state;
  const id = agentId === undefined ? {} : { id: { value: agentId } };
  return {
    agent: { agentInfo: { ...view.info, ...id }, ...drainOf(view.state) },
    version,
    runtimes: [...view.runtimes.keys()],
  };
}

function drainOf({ drain }: AgentState): Pick<agent.Response_GetAgent, 'drainConfig'> {
  if (drain === undefined) return {};
  const { graceMaxMs, markGone } = drain;
  return {
    drainConfig: {
      ...(graceMaxMs !== undefined && { maxGracePeriod: { nanoseconds: nanosecondsOf(graceMaxMs) } }),
      markGone,
    },
  };
}

/** Those of single commands, which the agent plays, too (G104). */
function executorsOf({ state, history }: AgentView): agent.Response_GetExecutors {
  const commands = [...state.tasks.values()].filter(({ executor }) => executor === undefined);
  const live = [...[...state.executors.values()].map(executorToProto), ...commands.map(commandExecutor)];
  const shown = (executorInfo: ExecutorInfo): agent.Response_GetExecutors_Executor => ({ executorInfo });
  return { executors: live.map(shown), completedExecutors: history.completedExecutors().map(shown) };
}

/** A framework is completed here when nothing of it is left on this agent, wherever else it runs (G103). */
function frameworksOf({ state, history }: AgentView): agent.Response_GetFrameworks {
  const shown = (frameworkInfo: FrameworkInfo): agent.Response_GetFrameworks_Framework => ({ frameworkInfo });
  return {
    frameworks: [...state.frameworks.values()].map(({ info }) => shown(info)),
    completedFrameworks: history.completedFrameworks().map(shown),
  };
}

/** Tasks by where they stand, as Mesos sorts them. */
function tasksOf(view: AgentView): agent.Response_GetTasks {
  const lists: Record<'starting' | 'running' | 'ended', Task[]> = { starting: [], running: [], ended: [] };
  for (const task of view.state.tasks.values()) {
    lists[task.phase].push(taskToProto(view.state, task, view.statusContext()));
  }
  return {
    pendingTasks: [],
    queuedTasks: lists.starting,
    launchedTasks: lists.running,
    terminatedTasks: lists.ended,
    completedTasks: [...view.history.completedTasks()],
  };
}
