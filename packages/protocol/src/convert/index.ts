export * from './attributes';
export * from './operations';
export * from './resources';
export * from './task-state';
