/** What the author of a policy needs: the interface, and the suite that every policy must pass. */
export { checkPolicy } from './check-policy';
export type { AgentOrder, AgentView, Contender, Policy, Sorter } from './state/policy/policy';
