/** The agent without its shell: the pure core, its record, and how its messages are read and written. For whoever brings a world of their own, the simulator first of all. */
export { agentMessage, type Said } from './effects/agent-message';
export { registerMessage, type Identity } from './effects/register-message';
export { statusContainerOf, statusMessage, type StatusContext } from './effects/status-message';
export { ordersOf } from './handlers/orders';
export type { Command, Exit, Recovered } from './state/command';
export { isWrite, type Act, type Effect, type Write } from './state/effect';
export type { CheckAnswer, ProbeResult } from './state/check-record';
export type { ExecutorUpdate } from './state/executor-session';
export {
  emptyState,
  nextDeadline,
  type AgentState,
  type ExecutorRecord,
  type TaskRecord,
} from './state/state';
export { step } from './state/step';
