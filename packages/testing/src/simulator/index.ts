/** A whole cluster in one process, on a virtual clock, from a seed. */
export { Simulation, type RunPlan, type RunReport } from './simulation';
export { faultKinds, type Fault, type FaultKind } from './faults';
export type { Settings } from './settings';
