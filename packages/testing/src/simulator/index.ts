/** A whole cluster in one process, on a virtual clock, from a seed. */
export { faultKinds, type Fault, type FaultKind } from './faults';
export { readScenario, writeScenario, type ScenarioFile } from './scenario-file';
export type { Settings } from './settings';
export { shrink, type Shrunk } from './shrink';
export { Simulation, type RunPlan, type RunReport } from './simulation';
export { Summary } from './summary';
