export * from './resource';
export { addableKey, isWhole } from './addable';
export { Resources } from './resources';
