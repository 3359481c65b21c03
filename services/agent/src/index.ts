/** The agent, for those who run it in their own process: tests and benchmarks. */
export { agentOptions, agentService, type AgentConfig } from './config';
export { createAgentMetrics, type AgentMetrics } from './metrics';
export { createAgentServer, type AgentDependencies, type AgentServer } from './server';
export { FakeMachine } from './runtime/fake';
export type { ContainerRuntime, ContainerSpec } from './runtime/container-runtime';
export { connectDocker } from './runtime/docker/connect';
export { createProcessRuntime } from './runtime/process/create';
