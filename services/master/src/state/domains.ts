import type { Domain } from '@meseta/model';
import type { MasterOptions } from './state';

/**
 * Why an agent may not register where it stands (R66); undefined when it may. Its operator, or the master's, may change that at any moment, and tasks may run there, so
 * that the agent is not turned away for good: it asks again.
 */
export function misplaced(
  { region, requireAgentDomain = false }: MasterOptions,
  domain: Domain | undefined,
): string | undefined {
  if (domain !== undefined && region === undefined)
    return `the agent has a domain, in region ${domain.region}, and the master has none: masters get --domain first, then agents`;
  if (domain === undefined && requireAgentDomain)
    return 'the agent has no domain, and the master requires one of every agent: give it --domain';
  return undefined;
}
