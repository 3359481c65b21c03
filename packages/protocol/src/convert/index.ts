export * from './attributes';
export * from './constraints';
export * from './operation-state';
export * from './operations';
export * from './quantities';
export * from './quota';
export * from './resources';
export * from './task-state';
