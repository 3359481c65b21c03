export * from './attributes';
export * from './operation-state';
export * from './operations';
export * from './resources';
export * from './task-state';
