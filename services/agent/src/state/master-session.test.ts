import { agentId } from '@meseta/model';
import { Story } from './testdata/story';

describe('the master', () => {
  const registered = {
    kind: 'registered',
    agentId: agentId('A1'),
    cluster: 'meseta',
    silenceMaxMs: 1,
  } as const;

  test('A5: a higher term is obeyed from then on, a lower one never', () => {
    const agent = Story.registered();
    expect(agent.order({ kind: 'ping', sequence: 1n }, 7)).toEqual(['pong 1']);
    expect(agent.order({ kind: 'ping', sequence: 2n }, 6)).toEqual([
      'close the session: its term 6 is lower than 7, which the agent has obeyed',
    ]);
    expect(agent.order({ kind: 'ping', sequence: 3n }, 7)).toEqual(['pong 3']);
  });

  test('what an old stream still says is nothing', () => {
    const agent = Story.registered();
    agent.do({ kind: 'sessionOpened', sessionId: 9 });
    expect(agent.order({ kind: 'ping', sequence: 1n })).toEqual([]);
    expect(agent.do({ kind: 'sessionClosed', sessionId: 1 })).toEqual([]);
    expect(agent.state.session).toEqual({ id: 9, registered: false });
  });

  test('an agent that is refused because it is gone ends its tasks, and stays who it is', () => {
    const agent = Story.registered();
    agent.running('T1');
    agent.running('T2');
    agent.ended('T2', 0);
    expect(agent.order({ kind: 'refused', reason: 'not now', endTasks: false })).toEqual([
      'stop: the master refused this agent: not now',
    ]);
    expect(agent.state.tasks.size).toBe(2);
    agent.launch('T3');
    expect(agent.order({ kind: 'refused', reason: 'marked gone', endTasks: true })).toEqual([
      'destroy C-T1',
      'destroy C-T3',
      'stop: the master refused this agent: marked gone',
    ]);
    expect(agent.state.agentId).toBe('A1');
    // It was on its way: nobody stops it before it has begun.
    expect(agent.started('T3')).toEqual(['destroy C-T3']);
  });

  test('another cluster, another id, a refusal: the agent stops, with a reason', () => {
    const agent = new Story();
    agent.do({ kind: 'sessionOpened', sessionId: 1 });
    const say = (order: Parameters<Story['order']>[0]) =>
      agent.do({ kind: 'masterSaid', sessionId: 1, term: 1, orders: [order] });
    expect(say({ ...registered, cluster: 'other' })).toEqual([
      "stop: the master is of the cluster 'other', this agent of 'meseta' (--cluster)",
    ]);
    expect(say({ kind: 'refused', reason: 'not now', endTasks: false })).toEqual([
      'stop: the master refused this agent: not now',
    ]);
    expect(say(registered)).toEqual(['registered']);
    agent.do({ kind: 'sessionOpened', sessionId: 2 });
    const other = { ...registered, agentId: agentId('A2') };
    expect(agent.do({ kind: 'masterSaid', sessionId: 2, term: 1, orders: [other] })).toEqual([
      'stop: the master takes this agent, A1, for A2',
    ]);
  });

  test('G19: leaving ends and forgets everything', () => {
    const agent = Story.registered();
    agent.running('T1');
    expect(agent.do({ kind: 'unregister', reason: 'asked' })).toEqual([
      'say goodbye',
      'destroy C-T1',
      'forget T1',
    ]);
    expect(agent.state.agentId).toBeUndefined();
  });
});
