/** The allocator without its shell: the pure core, and how the master's changes are read. For whoever brings a world of their own, the simulator first of all. */
export { commandOf } from './handlers/change';
export type { Command } from './state/command';
export type { Effect, Proposal } from './state/effect';
export { defaultOptions } from './state/default-options';
export { drf } from './state/policy/drf';
export { initialState } from './state/initial-state';
export type { AllocatorOptions, AllocatorState } from './state/state';
export { hasWork, nextDeadline, step } from './state/step';
