/** The master without its shell: the pure core, and how its messages are read and written. For whoever brings a world of their own, the simulator first of all. */
export { fixedOptions } from './config';
export { agentCommandOf, registrationOf } from './handlers/agent-messages';
export { descriptionOf, frameworkOf } from './handlers/read';
export { schedulerReaders, type SchedulerRequests } from './handlers/scheduler-calls';
export { recoveredOf } from './recovered';
export type { Command, InverseProposal, Proposal } from './state/command';
export type { Effect } from './state/effect';
export { checkInvariants } from './state/invariants.testing';
export { freeOf } from './state/ledger';
export { recover } from './state/recovery';
export { agentOfSession, holds, type Agent, type MasterOptions, type MasterState } from './state/state';
export { nextDeadline, step } from './state/step';
export { changeToProto } from './effects/allocator-link';
export { eventToProto } from './wire/events';
export { launchGroupOrder, launchOrder } from './wire/orders';
export { dialectOf, fullDialect, type Dialect } from './wire/resources';
