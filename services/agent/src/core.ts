/** The agent without its shell: the pure core, its record, and how its messages are read and written. For whoever brings a world of their own, the simulator first of all. */
export { Checkpoint, type CheckpointDb } from './checkpoint/checkpoint';
export { createWorld, type WorldParts } from './effects/world';
export { ordersOf } from './handlers/orders';
export { createAgentMetrics, type AgentMetrics } from './metrics';
export type { Command, Exit, OwnerKey, Recovered } from './state/command';
export { isWrite, type Act, type Effect } from './state/effect';
export { emptyState, nextDeadline, type AgentState } from './state/state';
export { step } from './state/step';
