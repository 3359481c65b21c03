import { isFailure, parseAttributes, Resources, type Domain } from '@meseta/model';
import { reconfigurationRefusal, type Configuration, type ReconfigurationPolicy } from './reconfiguration';
import { Story } from './testdata/story';

interface Said {
  readonly hostname?: string;
  readonly domain?: Domain;
  readonly attributes?: string;
  readonly resources?: string;
}

const was: Said = {
  hostname: 'h1',
  attributes: 'rack:a;level:[1-5]',
  resources: 'cpus:4;mem:1024;ports:[1-10]',
};
const eu: Domain = { region: 'eu', zone: 'a' };

function configuration(said: Said): Configuration {
  const { hostname = '', domain, attributes = '', resources = '' } = { ...was, ...said };
  const [facts, has] = [parseAttributes(attributes), Resources.parse(resources)];
  if (isFailure(facts) || isFailure(has)) throw new Error('a test is wrong');
  return { hostname, ...(domain !== undefined && { domain }), attributes: facts, resources: has };
}

describe('G10: how an agent that comes back may differ', () => {
  test.each<[string, Said, Said, string | undefined, string | undefined]>([
    ['nothing', {}, {}, undefined, undefined],
    [
      'its name',
      {},
      { hostname: 'h2' },
      'its hostname changed from h1 to h2',
      'its hostname changed from h1 to h2',
    ],
    ['a domain that is new', {}, { domain: eu }, 'its domain changed from none to eu/a', undefined],
    [
      'another domain',
      { domain: eu },
      { domain: { region: 'eu', zone: 'b' } },
      'its domain changed from eu/a to eu/b',
      'its domain changed from eu/a to eu/b',
    ],
    [
      'more',
      {},
      { resources: 'cpus:8;mem:1024;ports:[1-20];gpus:1' },
      'its resources changed from',
      undefined,
    ],
    [
      'less',
      {},
      { resources: 'cpus:2;mem:1024;ports:[1-10]' },
      'its resources changed from',
      'its resources changed from',
    ],
    [
      'an attribute more',
      {},
      { attributes: 'rack:a;level:[1-5];os:x' },
      'its attributes changed from',
      undefined,
    ],
    ['a longer range', {}, { attributes: 'rack:a;level:[1-9]' }, 'its attributes changed from', undefined],
    [
      'a shorter range',
      {},
      { attributes: 'rack:a;level:[2-5]' },
      'its attributes changed from',
      'its attributes changed from',
    ],
    [
      'another value',
      {},
      { attributes: 'rack:b;level:[1-5]' },
      'its attributes changed from',
      'its attributes changed from',
    ],
    ['their order', {}, { attributes: 'level:[1-5];rack:a' }, undefined, undefined],
  ])('in %s', (_, before, now, equal, additive) => {
    const refusal = (policy: ReconfigurationPolicy): string | undefined =>
      reconfigurationRefusal(policy, configuration({ ...before }), configuration({ ...before, ...now }));
    expect(refusal('any')).toBeUndefined();
    for (const [policy, wanted] of [
      ['equal', equal],
      ['additive', additive],
    ] as const) {
      if (wanted === undefined) expect(refusal(policy)).toBeUndefined();
      else expect(refusal(policy)).toContain(wanted);
    }
  });

  function comeBack(agent: Story, said: Said, policy: ReconfigurationPolicy, rebooted = false): string[] {
    agent.restart();
    const { resources, ...identity } = configuration(said);
    return agent.do({ kind: 'configured', resources, identity, policy, rebooted });
  }

  test('an agent that may not come back so says why, and stops', () => {
    const agent = Story.registered();
    comeBack(agent, {}, 'equal');
    expect(comeBack(agent, { hostname: 'h2' }, 'equal')).toEqual([
      expect.stringContaining(
        'the agent may not come back as another (--reconfiguration-policy=equal): its hostname changed from h1 to h2',
      ),
    ]);
    expect(agent.state.agentId).toBe('A1');
    // What was refused is not what it was.
    expect(comeBack(agent, {}, 'equal')).toEqual([]);
    expect(comeBack(agent, { resources: 'cpus:8;mem:1024;ports:[1-10]' }, 'additive')).toEqual([]);
  });

  test('G9: after a restart of the machine it is a new agent', () => {
    const agent = Story.registered();
    comeBack(agent, {}, 'equal');
    agent.connect();
    agent.running('T1');
    const done = comeBack(agent, { hostname: 'h2' }, 'equal', true);
    expect(done).toContain('forget T1');
    expect([agent.state.agentId, agent.state.tasks.size]).toEqual([undefined, 0]);
    expect(agent.state.configuration?.hostname).toBe('h2');
  });

  test('one that was never registered may be anything', () => {
    const agent = new Story();
    comeBack(agent, {}, 'equal');
    expect(comeBack(agent, { hostname: 'h2' }, 'equal')).toEqual([]);
  });
});
