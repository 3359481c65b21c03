export * from './resource';
export { addableKey, isWhole } from './addable';
export * from './operations';
export { Resources } from './resources';
export { carve } from './carve';
export { limitPlain } from './limit';
