import { isFailure } from '@meseta/model';
import { AgentInfo_Capability_Type, internal } from '@meseta/protocol';
import { registrationOf } from './agent-messages';

const { MULTI_ROLE, HIERARCHICAL_ROLE, RESERVATION_REFINEMENT, AGENT_DRAINING } = AgentInfo_Capability_Type;
const registered = (types: readonly AgentInfo_Capability_Type[]) =>
  registrationOf(
    {
      ...internal.Register.fromPartial({ agentInfo: { hostname: 'h1' } }),
      capabilities: types.map((type) => ({ type })),
    },
    'session',
  );

test.each([
  [[], 'MULTI_ROLE, HIERARCHICAL_ROLE, RESERVATION_REFINEMENT'],
  [[MULTI_ROLE, AGENT_DRAINING], 'HIERARCHICAL_ROLE, RESERVATION_REFINEMENT'],
  [[MULTI_ROLE, HIERARCHICAL_ROLE], 'RESERVATION_REFINEMENT'],
] as const)('A11: an agent that can only %j is refused', (types, missing) => {
  const answer = registered(types);
  expect(isFailure(answer) && [answer.kind, answer.message]).toEqual([
    'conflict',
    `register.capabilities must include ${missing}`,
  ]);
});

test('A11: one that can do all of that is taken in, whatever else it can', () => {
  const needed = [MULTI_ROLE, HIERARCHICAL_ROLE, RESERVATION_REFINEMENT];
  expect(registered(needed)).toMatchObject({ kind: 'agentRegister', capabilities: needed });
  expect(registered([...needed, AGENT_DRAINING])).toMatchObject({ kind: 'agentRegister' });
});
