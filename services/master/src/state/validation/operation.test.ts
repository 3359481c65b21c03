import { Resources, agentId, frameworkId, instant, isFailure, type Reservation } from '@meseta/model';
import { makeAgent } from '../make-agent';
import type { Framework } from '../state';
import { validateOperation } from './operation';

// The rules of operations that need a framework of its own: who reserves, for whom, and as what.

const agent = {
  ...makeAgent(agentId('A'), { info: { hostname: 'h', resources: [], attributes: [] } }, instant(0)),
  capabilities: ['AGENT_OPERATION_FEEDBACK', 'RESIZE_VOLUME'],
};

function framework(principal: string | undefined, capabilities: readonly string[]): Framework {
  return {
    id: frameworkId('F'),
    info: {
      name: 'f',
      user: 'nobody',
      roles: [],
      capabilities: [],
      offerFilters: {},
      ...(principal !== undefined && { principal }),
    },
    roles: ['web', 'web/shop'],
    capabilities: new Set(capabilities),
  } as unknown as Framework;
}

const reserved = (text: string, ...reservations: Reservation[]): Resources =>
  (Resources.parse(text) as Resources).map((one) => ({ ...one, reservations }));
const web: Reservation = { type: 'DYNAMIC', role: 'web' };
const shop: Reservation = { type: 'DYNAMIC', role: 'web/shop' };

interface Case {
  readonly resources: Resources;
  readonly role?: string;
  readonly principal?: string;
  readonly capabilities?: readonly string[];
}

function reserve({ resources, role = 'web', principal, capabilities = [] }: Case): string {
  const pool = (Resources.parse('cpus:4') as Resources).add(reserved('cpus:4', web));
  const refused = validateOperation(
    { kind: 'reserve', resources, source: Resources.empty },
    { framework: framework(principal, capabilities), agent, role, pool, followed: true },
  );
  return isFailure(refused) ? refused.message : 'taken';
}

describe('RESERVE of a framework (R30)', () => {
  const refinement = ['RESERVATION_REFINEMENT'];

  test.each<[string, Case, string]>([
    ['to its own role', { resources: reserved('cpus:1', web) }, 'taken'],
    [
      'by its own principal',
      { resources: reserved('cpus:1', { ...web, principal: 'ops' }), principal: 'ops' },
      'taken',
    ],
    [
      'by the principal of another',
      { resources: reserved('cpus:1', { ...web, principal: 'dev' }), principal: 'ops' },
      "resources principal must be the framework's, ops, not dev",
    ],
    [
      'by any principal, where the framework has none',
      { resources: reserved('cpus:1', { ...web, principal: 'dev' }) },
      'taken',
    ],
    [
      'as a refinement, by who understands it',
      { resources: reserved('cpus:1', web, shop), role: 'web/shop', capabilities: refinement },
      'taken',
    ],
    [
      'as a refinement, by who does not',
      { resources: reserved('cpus:1', web, shop), role: 'web/shop' },
      'resources must not be refined without the capability RESERVATION_REFINEMENT',
    ],
    [
      'to a role that is not that of the offer',
      { resources: reserved('cpus:1', shop) },
      'resources must be reserved to the role of the offer, web, not web/shop',
    ],
    [
      'of more than is offered',
      { resources: reserved('cpus:5', web) },
      'resources cpus:5 is more than what is left of the offer, cpus:4;cpus(web)[dynamic]:4',
    ],
    [
      'of what is allocated to the role of the offer (R14)',
      { resources: reserved('cpus:1', web).allocate('web') },
      'taken',
    ],
    [
      'of what is allocated to another role (R14)',
      { resources: reserved('cpus:1', web).allocate('db') },
      'allocation_info.role must be the role of the offer, web, not db',
    ],
  ])('%s', (_, wanted, answer) => {
    expect(reserve(wanted)).toBe(answer);
  });
});
