import type { internal } from '@meseta/protocol';
import { planCommit } from './plan';

type Operation = internal.RegistryOperation['operation'];
const agentInfo = { id: { value: 'A1' }, hostname: 'host-1', resources: [], attributes: [] };
const frameworkInfo = {
  id: { value: 'F1' },
  name: 'web',
  roles: ['web'],
  capabilities: [],
  offerFilters: {},
};
const plan = (...operations: Operation[]) => planCommit(operations.map((operation) => ({ operation })));

test('an agent that joins is written with its description', () => {
  expect(plan({ $case: 'admitAgent', value: { agentInfo, atMs: 5n } })).toEqual([
    { key: 'agents/A1', record: { kind: 'agent', agentInfo, membership: 'admitted', sinceMs: 5 } },
  ]);
});

test('out of contact and back: the same key, and the last one counts', () => {
  const writes = plan(
    { $case: 'markAgentUnreachable', value: { agentInfo, atMs: 6n } },
    { $case: 'markAgentReachable', value: { agentInfo, atMs: 7n } },
  );
  expect(writes).toMatchObject([
    { key: 'agents/A1', record: { membership: 'unreachable', sinceMs: 6 } },
    { key: 'agents/A1', record: { membership: 'admitted', sinceMs: 7 } },
  ]);
});

test('an agent that left for good is deleted', () => {
  expect(plan({ $case: 'removeAgent', value: { agentId: { value: 'A1' } } })).toEqual([{ key: 'agents/A1' }]);
});

test('a removed framework is remembered, until it is forgotten', () => {
  expect(
    plan(
      { $case: 'putFramework', value: { frameworkInfo, registeredAtMs: 1n } },
      { $case: 'removeFramework', value: { frameworkInfo, registeredAtMs: 1n, removedAtMs: 2n } },
      {
        $case: 'forgetRecords',
        value: {
          agentIds: [{ value: 'A9' }],
          frameworkIds: [{ value: 'F1' }],
          goneAgentIds: [{ value: 'A8' }],
        },
      },
    ),
  ).toEqual([
    { key: 'frameworks/F1', record: { kind: 'framework', frameworkInfo, registeredAtMs: 1, removedAtMs: 0 } },
    { key: 'frameworks/F1', record: { kind: 'framework', frameworkInfo, registeredAtMs: 1, removedAtMs: 2 } },
    { key: 'agents/A9' },
    { key: 'frameworks/F1' },
    { key: 'gone/A8' },
  ]);
});

test('what an operator said of an agent is beside its record, and goes when it is offered again', () => {
  const agentId = { value: 'A1' };
  const config = { markGone: true };
  const drained = { kind: 'agentStanding', agentId: 'A1', drainStartedAtMs: 5 };
  expect(
    plan(
      { $case: 'drainAgent', value: { agentId, config, startedAtMs: 5n } },
      { $case: 'markAgentDrained', value: { agentId, config, startedAtMs: 5n } },
      { $case: 'reactivateAgent', value: { agentId } },
      { $case: 'deactivateAgent', value: { agentId } },
    ),
  ).toEqual([
    { key: 'standings/A1', record: { ...drained, drain: { state: 'draining', config } } },
    { key: 'standings/A1', record: { ...drained, drain: { state: 'drained', config } } },
    { key: 'standings/A1' },
    { key: 'standings/A1', record: { ...drained, drain: undefined, drainStartedAtMs: 0 } },
  ]);
});

test('a gone agent is remembered as that alone', () => {
  expect(
    plan({ $case: 'markAgentGone', value: { agentId: { value: 'A1' }, atMs: 7n, mayReturn: false } }),
  ).toEqual([
    { key: 'gone/A1', record: { kind: 'goneAgent', agentId: 'A1', sinceMs: 7, mayReturn: false } },
    { key: 'agents/A1' },
    { key: 'standings/A1' },
  ]);
});

test('planned maintenance is one record; nothing planned is none', () => {
  const machine = { hostname: 'h1' };
  const schedule = { windows: [{ machineIds: [machine], unavailability: { start: { nanoseconds: 1n } } }] };
  expect(
    plan(
      { $case: 'planMaintenance', value: { schedule, downMachines: [machine] } },
      { $case: 'planMaintenance', value: { downMachines: [] } },
    ),
  ).toEqual([
    { key: 'maintenance/plan', record: { kind: 'maintenance', schedule, downMachines: [machine] } },
    { key: 'maintenance/plan' },
  ]);
});

test('a weight is written under its role, however deep', () => {
  expect(plan({ $case: 'setWeight', value: { role: 'eng/web', weight: 2.5 } })).toEqual([
    { key: 'weights/eng/web', record: { kind: 'weight', role: 'eng/web', weight: 2.5 } },
  ]);
});

test('a quota is written under its role; one that neither guarantees nor limits is deleted', () => {
  const config = { role: 'web', guarantees: { cpus: { value: 2 } }, limits: {} };
  expect(plan({ $case: 'setQuota', value: { config } })).toEqual([
    { key: 'quotas/web', record: { kind: 'quota', config } },
  ]);
  const none = { ...config, guarantees: {} };
  expect(plan({ $case: 'setQuota', value: { config: none } })).toEqual([{ key: 'quotas/web' }]);
});

test.each<[string, Operation, string]>([
  [
    'an agent without a description',
    { $case: 'admitAgent', value: { atMs: 1n } },
    'operations[0]: admit_agent.agent_info must be set',
  ],
  [
    'an agent without an id',
    { $case: 'admitAgent', value: { agentInfo: { ...agentInfo, id: undefined }, atMs: 1n } },
    'operations[0]: admit_agent.agent_info.id.value must be set',
  ],
  [
    'an instant that is not set',
    { $case: 'markAgentUnreachable', value: { agentInfo, atMs: 0n } },
    'operations[0]: mark_agent_unreachable.at_ms must be milliseconds since the epoch',
  ],
  [
    'an id that is too long',
    { $case: 'removeAgent', value: { agentId: { value: 'x'.repeat(400) } } },
    'operations[0]: remove_agent.agent_id.value must be at most 333 characters',
  ],
  [
    'a weight of nothing',
    { $case: 'setWeight', value: { role: 'web', weight: 0 } },
    'operations[0]: set_weight.weight must be greater than 0',
  ],
  [
    'draining that never began',
    { $case: 'drainAgent', value: { agentId: { value: 'A1' }, startedAtMs: 0n } },
    'operations[0]: drain_agent.started_at_ms must be milliseconds since the epoch',
  ],
  [
    'a gone agent without a name',
    { $case: 'markAgentGone', value: { atMs: 1n, mayReturn: false } },
    'operations[0]: mark_agent_gone.agent_id.value must be set',
  ],
  ['a kind that is not known', undefined, 'operations[0]: the kind of operation is not known here'],
])('%s is refused', (_what, operation, message) => {
  expect(plan(operation)).toMatchObject({ kind: 'invalid', message });
});

test('if one operation is refused nothing is written', () => {
  const good: Operation = { $case: 'setWeight', value: { role: 'web', weight: 1 } };
  expect(plan(good, undefined)).toMatchObject({
    message: 'operations[1]: the kind of operation is not known here',
  });
});
