export { allocatorOptions, type AllocatorConfig } from './config';
export { createAllocatorMetrics, type AllocatorMetrics } from './metrics';
export { createAllocatorServer, type AllocatorDeps, type AllocatorServer } from './server';
export type { Command } from './state/command';
export { drf } from './state/policy/drf';
export type { Policy } from './state/policy/policy';
export { initialState, step } from './state/step';
