export * from './resource';
export { addableKey, isWhole } from './addable';
export * from './operations';
export { parseResources } from './parse';
export { Resources } from './resources';
export { carve } from './carve';
export { roomFor, type Room } from './room';
export { limitPlain } from './limit';
