/** The nouns of Meseta as values, and what all cores are built with. Imports nothing, so that the pure cores which may import only this reach nothing else. */
export * from './assert';
export * from './agent-constraints';
export * from './attributes';
export * from './domain';
export * from './failure';
export * from './heap';
export * from './ids';
export * from './instant';
export * from './operation-state';
export * from './quota';
export * from './resources';
export * from './roles';
export * from './task-state';
export * from './values/ranges';
export * from './values/scalar';
export * from './values/sets';
