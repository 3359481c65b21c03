/** The registry without its shell: what operations write, and how records are stored. For whoever brings a store of their own, the simulator first of all. */
export { recordOf, storedWrite } from './handlers/records';
export { planCommit } from './state/plan';
