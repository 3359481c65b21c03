import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure, isFailure, Resources, type Resource } from '@meseta/model';
import { Checkpoint } from '../checkpoint/checkpoint';
import { Story } from './testdata/story';

const reserved: Resource = {
  name: 'disk',
  value: { kind: 'scalar', milli: 64_000 },
  reservations: [{ type: 'DYNAMIC', role: 'web' }],
};
const volume: Resource = {
  ...reserved,
  disk: { persistence: { id: 'V1' }, volume: { containerPath: 'data', mode: 'RW' } },
};
const reserve = { kind: 'reserve', resources: Resources.of([reserved]), source: Resources.empty } as const;
const create = { kind: 'create', volumes: Resources.of([volume]) } as const;
const destroy = { kind: 'destroy', volumes: Resources.of([volume]) } as const;

function agentWith(text = 'cpus:2;disk:100'): Story {
  const agent = Story.registered();
  const resources = Resources.parse(text);
  if (isFailure(resources)) throw new Error(resources.message);
  agent.do({ kind: 'configured', resources });
  return agent;
}

function withVolume(): Story {
  const agent = agentWith();
  agent.apply('1', reserve, false);
  agent.apply('2', create, false);
  agent.do({ kind: 'volumesChanged', uuid: '2' });
  return agent;
}

describe('operations', () => {
  test('A6: a reservation is applied once, and told until it is acknowledged', () => {
    const agent = agentWith();
    expect(agent.apply('1', reserve)).toEqual(['operation 1 FINISHED to be acknowledged']);
    expect(agent.state.resources.toString()).toContain('disk');
    const after = agent.state.resources;
    expect(agent.apply('1', reserve)).toEqual(['operation 1 FINISHED to be acknowledged again, 2']);
    expect(agent.state.resources).toBe(after);
    expect(agent.advance(20_000)).toEqual(['20000 ms: operation 1 FINISHED to be acknowledged again, 3']);
    expect(agent.order({ kind: 'acknowledgeOperation', uuid: '1', statusUuid: 'other' })).toEqual([]);
    agent.order({ kind: 'acknowledgeOperation', uuid: '1', statusUuid: 'S-1' });
    expect(agent.state.operations.size).toBe(0);
    expect(agent.apply('1', reserve)).toEqual(['operation 1 FINISHED']);
    expect(agent.state.resources).toBe(after);
    expect(agent.advance(600_000)).toEqual([]);
  });

  test('a volume is told of when it is on disk', () => {
    const agent = agentWith();
    agent.apply('1', reserve, false);
    expect(agent.apply('2', create)).toEqual(['make volume V1']);
    expect(agent.do({ kind: 'volumesChanged', uuid: '2' })).toEqual([
      'operation 2 FINISHED to be acknowledged',
    ]);
    expect(agent.apply('3', destroy, false)).toEqual(['remove volume V1']);
    expect(agent.do({ kind: 'volumesChanged', uuid: '3' })).toEqual(['operation 3 FINISHED']);
    expect(agent.state.resources.contains(Resources.of([reserved]))).toBe(true);
  });

  test('R45: what cannot be done on disk is taken back', () => {
    const agent = agentWith();
    agent.apply('1', reserve, false);
    const before = agent.state.resources;
    agent.apply('2', create);
    expect(agent.do({ kind: 'volumesChanged', uuid: '2', message: 'disk full' })).toEqual([
      'operation 2 FAILED to be acknowledged',
    ]);
    expect(agent.state.resources.equals(before)).toBe(true);
  });

  test('what breaks a rule is an error, what does not fit fails', () => {
    const agent = agentWith();
    expect(agent.apply('1', failure('invalid', 'no resources'))).toEqual([
      'operation 1 ERROR to be acknowledged',
    ]);
    expect(agent.apply('2', create)).toEqual(['operation 2 FAILED to be acknowledged']);
    expect(agent.apply('3', create, false)).toEqual(['operation 3 FAILED']);
    expect(agent.state.resourcesChanged).toBe(false);
  });

  test('R46: a volume that a task uses is not destroyed', () => {
    const agent = withVolume();
    const resources = [
      { name: 'disk', reservations: [{ role: 'web' }], disk: { persistence: { id: 'V1' } } },
    ] as never;
    agent.running('T1', { task: { resources } });
    expect(agent.apply('4', destroy)).toEqual(['operation 4 FAILED to be acknowledged']);
    agent.ended('T1', 0);
    expect(agent.apply('5', destroy)).toEqual(['remove volume V1']);
  });

  test('R43, R45: a volume whose removal fails is again as it was made, however DESTROY named it', () => {
    const agent = withVolume();
    const asked = { ...volume, disk: { persistence: { id: 'V1' } } };
    expect(agent.apply('3', { kind: 'destroy', volumes: Resources.of([asked]) })).toEqual([
      'remove volume V1',
    ]);
    agent.do({ kind: 'volumesChanged', uuid: '3', message: 'busy' });
    expect(agent.state.resources.entries).toContainEqual(volume);
  });

  test('R31, R24: what was moved from role to role leaves an agent that starts again', () => {
    const agent = agentWith('cpus(eng):2');
    const cpus = (role: string): Resources =>
      Resources.of([
        {
          name: 'cpus',
          value: { kind: 'scalar', milli: 1000 },
          reservations: [
            { type: 'STATIC', role: 'eng' },
            { type: 'DYNAMIC', role },
          ],
        },
      ]);
    const configured = Resources.parse('cpus(eng):2') as Resources;
    agent.apply('1', { kind: 'reserve', resources: cpus('eng/a'), source: Resources.empty }, false);
    agent.apply('2', { kind: 'reserve', resources: cpus('eng/b'), source: cpus('eng/a') }, false);
    const taken = { kind: 'reserve', resources: reserve.resources, source: configured } as const;
    expect(agent.apply('3', taken)).toEqual(['operation 3 ERROR to be acknowledged']);
    agent.restart();
    expect(agent.do({ kind: 'configured', resources: configured })).toEqual([]);
    expect(agent.state.resources.reservedTo('eng/b').scalarMilli('cpus')).toBe(1000);
  });

  test('R25, R26: a reservation has its labels and principal after a restart, and is undone only by its own name', async () => {
    const workDir = await mkdtemp(join(tmpdir(), 'meseta-reservation-'));
    const labels = [{ key: 'rack', value: 'a' }, { key: 'x' }];
    const labelled = reserve.resources.map((one) => ({
      ...one,
      reservations: [{ type: 'DYNAMIC', role: 'web', principal: 'ops', labels }],
    }));
    const before = agentWith();
    before.apply('1', { ...reserve, resources: labelled }, false);
    const checkpoint = await Checkpoint.open(workDir, 'meseta');
    Object.assign(checkpoint.state, { ...before.state, session: undefined });
    checkpoint.write({ kind: 'saveAgent' });
    await checkpoint.commit();
    await checkpoint.close();

    const again = await Checkpoint.open(workDir, 'meseta');
    const after = agentWith();
    after.state.resources = again.state.resources;
    await again.close();
    await rm(workDir, { recursive: true });
    after.do({ kind: 'configured', resources: Resources.parse('cpus:2;disk:100') as Resources });
    expect(after.state.resources.entries).toContainEqual(labelled.entries[0]);
    expect(after.apply('2', { kind: 'unreserve', resources: reserve.resources })).toEqual([
      'operation 2 FAILED to be acknowledged',
    ]);
    expect(after.apply('3', { kind: 'unreserve', resources: labelled })).toEqual([
      'operation 3 FINISHED to be acknowledged',
    ]);
  });

  test('R62: an estimator lends no gpus, and what it lent before stays', () => {
    const agent = agentWith();
    const lent = (text: string): Resources =>
      (Resources.parse(text) as Resources).map((one) => ({ ...one, revocable: true }));
    agent.do({ kind: 'estimated', oversubscribed: lent('cpus:1') });
    const noted = agent.do({ kind: 'estimated', oversubscribed: lent('cpus:2;gpus:1') });
    expect(noted).toEqual([]);
    expect(agent.state.oversubscribed.equals(lent('cpus:1'))).toBe(true);
  });

  test('T57: an operation that is not here never was', () => {
    const agent = agentWith();
    const name = { uuid: '9', frameworkId: undefined, operationId: undefined };
    expect(agent.order({ kind: 'reconcileOperation', name })).toEqual(['operation 9 DROPPED']);
    agent.apply('9', reserve);
    expect(agent.order({ kind: 'reconcileOperation', name })).toEqual([]);
  });

  test('without a master nothing is told, and all that waits is when there is one', () => {
    const agent = agentWith();
    agent.apply('1', reserve, false);
    agent.apply('2', create);
    agent.disconnect();
    expect(agent.do({ kind: 'volumesChanged', uuid: '2' })).toEqual([]);
    expect(agent.connect()).toEqual(['registered', 'operation 2 FINISHED to be acknowledged']);
  });

  test('G11: after a restart what was under way on disk is done again', () => {
    const agent = agentWith();
    agent.apply('1', reserve, false);
    agent.apply('2', create);
    agent.restart();
    agent.do({ kind: 'configured', resources: Resources.parse('cpus:2;disk:100') as Resources });
    expect(agent.do({ kind: 'recovered', outcomes: [] })).toEqual(['make volume V1']);
  });

  test('a configuration that does not hold what was made of it stops the agent', () => {
    const agent = withVolume();
    agent.restart();
    expect(
      agent.do({ kind: 'configured', resources: Resources.parse('cpus:4;disk:200') as Resources }),
    ).toEqual([]);
    expect(agent.state.resources.toString()).toContain('V1');
    const [line] = agent.do({ kind: 'configured', resources: Resources.parse('cpus:4') as Resources });
    expect(line).toMatch(/^stop: the configured resources cpus:4 do not hold disk:64/);
  });

  test('T66: a task of resources that the agent does not have is dropped', () => {
    const agent = agentWith();
    const launch = agent.order({
      kind: 'launch',
      frameworkId: 'F' as never,
      framework: { roles: [], capabilities: [], offerFilters: {} },
      taskId: 'T1' as never,
      task: { resources: [], limits: {} },
      resources: Resources.of([{ ...volume, allocationRole: 'web' }]),
      traceparent: '',
      containerId: 'C' as never,
      plan: { runtime: 'process' },
    });
    expect(launch).toEqual(['tell T1 DROPPED RESOURCES_UNKNOWN']);
  });
});
