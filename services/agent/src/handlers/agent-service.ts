import { unaryHandler, version, type GrpcService } from '@meseta/kit';
import { AgentServiceService, type agent, type AgentServiceServer, type Task } from '@meseta/protocol';
import { containerStatus, statusContainerOf } from '../effects/status-message';
import { taskToProto } from '../effects/register-message';
import { listFiles, readFilePiece } from '../sandbox/browse';
import type { FrameworkId } from '@meseta/model';
import type { StatusContainer } from '../effects/status-message';
import { sandboxOf, type AgentView } from './agent-view';
import { namesOf } from './names';
import type { ContainerSpec } from '../runtime/container-runtime';
import type { TaskRecord } from '../state/state';
import { execHandler } from './exec';
import { readLog } from './read-log';

/** What operators and tools may ask of this agent. */
export function agentGrpcService(
  view: AgentView,
  specOf: (task: TaskRecord) => ContainerSpec | undefined,
): GrpcService {
  const implementation: AgentServiceServer = {
    getAgent: unaryHandler(() => Promise.resolve(getAgent(view))),
    getContainers: unaryHandler(async () => ({ containers: { containers: await containersOf(view) } })),
    getTasks: unaryHandler(() => Promise.resolve({ tasks: tasksOf(view) })),
    readLog: readLog(view),
    exec: execHandler(view, specOf),
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
  return { agent: { agentInfo: { ...view.info, ...id } }, version, runtimes: [...view.runtimes.keys()] };
}

/** What runs, with what it uses where that is known. */
async function containersOf(view: AgentView): Promise<agent.Response_GetContainers_Container[]> {
  const { state } = view;
  const tasks = [...state.tasks.values()].filter(
    ({ phase, runtime }) => phase === 'running' && runtime !== '',
  );
  const executors = [...state.executors.values()].filter(
    ({ kind, phase }) => kind === 'custom' && phase === 'running',
  );
  return Promise.all([
    ...tasks.map((task) =>
      containerOf(view, { ...task, ...statusContainerOf(state, task), name: task.info.name }),
    ),
    ...executors.map((executor) => containerOf(view, { ...executor, name: executor.info.name })),
  ]);
}

/** A container that runs, whosever it is. */
interface RunningContainer extends StatusContainer {
  readonly frameworkId: FrameworkId;
  readonly runtime: string;
  readonly name: string | undefined;
}

async function containerOf(
  view: AgentView,
  running: RunningContainer,
): Promise<agent.Response_GetContainers_Container> {
  const usage = await view.runtimes.get(running.runtime)?.usage(running.containerId);
  const status = containerStatus(running, view.statusContext());
  return {
    frameworkId: { value: running.frameworkId },
    executorId: { value: running.executorId },
    executorName: running.name,
    containerId: status.containerId,
    containerStatus: status,
    ...(usage !== undefined && {
      resourceStatistics: {
        timestamp: Date.now() / 1000,
        ...(usage.memoryBytes !== undefined && { memTotalBytes: BigInt(Math.round(usage.memoryBytes)) }),
        ...(usage.memoryLimitBytes !== undefined && { memLimitBytes: BigInt(usage.memoryLimitBytes) }),
        ...(usage.memoryRssBytes !== undefined && { memRssBytes: BigInt(usage.memoryRssBytes) }),
        ...(usage.cpuSeconds !== undefined && { cpusUserTimeSecs: usage.cpuSeconds }),
        ...(usage.cpuThrottledSeconds !== undefined && { cpusThrottledTimeSecs: usage.cpuThrottledSeconds }),
        ...(usage.processes !== undefined && { processes: usage.processes }),
        diskStatistics: [],
        netTrafficControlStatistics: [],
      },
    }),
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
    completedTasks: view.completed.all(),
  };
}
