export * from './attributes';
export * from './resources';
export * from './task-state';
