import { capable, Story } from './testdata/story';

describe('an agent that is emptied', () => {
  test('T63: every task is killed within the longest grace, and its end says why', () => {
    const agent = Story.registered();
    const killPolicy = { gracePeriod: { nanoseconds: 60_000_000_000n } };
    agent.running('T1', { task: { killPolicy }, framework: capable('PARTITION_AWARE') });
    expect(agent.order({ kind: 'drain', graceMaxMs: 1_000, markGone: false })).toEqual(['terminate C-T1']);
    expect(agent.advance(1_000)).toEqual(['1000 ms: destroy C-T1']);
    expect(agent.ended('T1', { kind: 'signaled', signal: 'SIGKILL' })).toEqual([
      'tell T1 KILLED AGENT_DRAINING',
    ]);
  });

  test('T66: nothing is launched until it is empty', () => {
    const agent = Story.registered();
    agent.running('T1', { framework: capable('PARTITION_AWARE') });
    agent.order({ kind: 'drain', markGone: true });
    expect(agent.launch('T2', { framework: capable('PARTITION_AWARE') })).toEqual([
      'tell T2 DROPPED AGENT_DRAINING',
    ]);
    agent.acknowledge('T2');
    expect(agent.ended('T1', 0)).toEqual(['tell T1 GONE_BY_OPERATOR AGENT_DRAINING']);
    agent.acknowledge('T1');
    expect(agent.state.drain).toBeUndefined();
    expect(agent.launch('T3')).toEqual(['tell T3 STARTING', 'start T3']);
  });

  test('executors end with their last task', () => {
    const agent = Story.registered();
    agent.executorRunning('E', 'T1');
    expect(agent.order({ kind: 'drain', markGone: false })).toEqual(['to E: kill T1 in 3000 ms']);
    expect(
      agent.executorSays('E', { taskId: 'T1' as never, uuid: 'u', state: 'TASK_KILLED', given: {} }),
    ).toEqual(['tell T1 KILLED AGENT_DRAINING', 'to E: shutdown', 'to E: acknowledged T1 u']);
  });

  test('an agent without tasks is empty already', () => {
    const agent = Story.registered();
    agent.order({ kind: 'drain', markGone: false });
    expect(agent.state.drain).toBeUndefined();
  });
});
