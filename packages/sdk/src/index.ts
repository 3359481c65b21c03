export { connect, type ConnectOptions } from './connect';
export type { DemandSpec } from './demand';
export { systemEnvironment, type Environment } from './environment';
export {
  handledCapabilities,
  type Duration,
  type FrameworkCapability,
  type FrameworkOptions,
} from './framework-options';
export { Offer, type AcceptOptions, type GroupSpec } from './offer';
export { pick } from './resource-pick';
export { Scheduler, type SchedulerOptions } from './scheduler';
export { SchedulerCalls } from './session/calls';
export {
  SchedulerSession,
  heartbeatsMissedMax,
  type SessionHandlers,
  type SessionOptions,
} from './session/session';
export { Task } from './task';
export type { TaskSpec } from './task-spec';
export type { NetworkSpec, PortMappingSpec } from './task-network';
export { taskUpdateOf, type TaskUpdate } from './task-update';
export { AgentClient, type LogQuery } from './operator/agent-client';
export { OperatorClient, type OperatorClientOptions, type TaskName } from './operator/operator-client';
export { Executor, runExecutor } from './executor/executor';
export type { ExecutorHandlers, ExecutorOptions } from './executor/executor-options';
export { ExecutorTask, type StatusDetails } from './executor/executor-task';
