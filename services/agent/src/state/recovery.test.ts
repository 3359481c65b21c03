import { capable, Story } from './testdata/story';

describe('after a restart of the agent', () => {
  const running = { kind: 'running', facts: { pid: 9 } } as const;

  test('E29: what runs is found again and goes on', () => {
    const agent = Story.registered();
    agent.running('T1');
    agent.restart();
    expect(agent.recovered('T1', running)).toEqual([]);
    expect(agent.connect()).toEqual(['registered']);
    expect(agent.ended('T1', 0)).toEqual(['tell T1 FINISHED']);
  });

  test('what was being started and runs is told as running', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.restart();
    agent.recovered('T1', running);
    expect(agent.connect()).toEqual(['registered', 'tell T1 STARTING (now RUNNING)']);
  });

  test('what ended meanwhile is told with its true status, and that it ran', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.restart();
    agent.recovered('T1', { kind: 'ended', exit: { kind: 'exited', status: 7 } });
    expect(agent.connect()).toEqual(['registered', 'tell T1 STARTING (now FAILED)']);
    expect(agent.task('T1')?.updates.map(({ state }) => state)).toEqual([
      'TASK_STARTING',
      'TASK_RUNNING',
      'TASK_FAILED',
    ]);
  });

  test.each([
    ['DROPPED', capable('PARTITION_AWARE')],
    ['LOST', {}],
  ])('what never began is told as %s', (state, framework) => {
    const agent = Story.registered();
    agent.launch('T1', { framework });
    agent.acknowledge('T1');
    agent.restart();
    agent.recovered('T1', { kind: 'neverStarted' });
    expect(agent.connect()).toEqual(['registered', `tell T1 ${state} AGENT_RESTARTED`]);
  });

  test('what was to be killed before it began was', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.acknowledge('T1');
    agent.kill('T1');
    agent.restart();
    agent.recovered('T1', { kind: 'neverStarted' });
    expect(agent.connect()).toEqual(['registered', 'tell T1 KILLED TASK_KILLED_DURING_LAUNCH']);
  });

  test('a kill goes on: its grace is not begun again', () => {
    const agent = Story.registered();
    agent.running('T1');
    agent.running('T2');
    agent.kill('T1', 3_000);
    agent.kill('T2', 1_000);
    agent.restart();
    agent.advance(2_000);
    expect(agent.recovered('T1', running)).toEqual(['terminate C-T1']);
    expect(agent.recovered('T2', running)).toEqual(['destroy C-T2']);
    expect(agent.advance(1_000)).toEqual(['1000 ms: destroy C-T1']);
  });

  test('E29: what was not to outlive the agent does not, and it is told', () => {
    const agent = Story.registered();
    agent.running('T1', { framework: { checkpoint: false } });
    expect(agent.do({ kind: 'closing' })).toEqual(['destroy C-T1']);
    agent.restart();
    agent.recovered('T1', { kind: 'ended', exit: { kind: 'signaled', signal: 'SIGKILL' } });
    expect(agent.task('T1')?.state).toBe('TASK_LOST');
    const crashed = Story.registered();
    crashed.running('T1', { framework: { checkpoint: false } });
    crashed.restart();
    expect(crashed.recovered('T1', running)).toEqual(['terminate C-T1']);
    crashed.ended('T1', 0);
    expect(crashed.task('T1')?.state).toBe('TASK_LOST');
  });

  test('updates that nobody acknowledged come again, with the same uuid', () => {
    const agent = Story.registered();
    agent.launch('T1');
    const uuid = agent.task('T1')?.updates[0]?.uuid;
    agent.restart();
    agent.recovered('T1', running);
    expect(agent.connect()[1]).toMatch(/^tell T1 STARTING/);
    expect(agent.task('T1')?.updates[0]?.uuid).toBe(uuid);
  });
});
