/** The allocator without its shell: the pure core, and how the master's changes are read. For whoever brings a world of their own, the simulator first of all. */
export { commandOf } from './handlers/change';
export type { Command } from './state/command';
export type { Effect, Proposal } from './state/effect';
export { drf } from './state/policy/drf';
export type { AllocatorState } from './state/state';
export { hasWork, initialState, nextDeadline, step } from './state/step';
