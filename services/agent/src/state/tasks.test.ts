import { capable, Story } from './testdata/story';

describe('the life of a task', () => {
  test('E33, E34: STARTING, RUNNING, FINISHED, each after the acknowledgement of the one before', () => {
    const agent = Story.registered();
    expect(agent.launch('T1')).toEqual(['tell T1 STARTING', 'start T1']);
    expect(agent.started('T1')).toEqual([]);
    expect(agent.ended('T1', 0)).toEqual([]);
    expect(agent.acknowledge('T1')).toEqual(['tell T1 RUNNING (now FINISHED)']);
    expect(agent.acknowledge('T1')).toEqual(['tell T1 FINISHED']);
    expect(agent.acknowledge('T1')).toEqual(['forget T1']);
    expect(agent.state.tasks.size + agent.state.frameworks.size + agent.state.unacknowledged).toBe(0);
  });

  test.each([
    [0, 'FINISHED', 'Command exited with status 0'],
    [3, 'FAILED', 'Command exited with status 3'],
    [{ kind: 'signaled', signal: 'SIGSEGV' }, 'FAILED', 'Command terminated with signal SIGSEGV'],
    [
      { kind: 'outOfMemory', limitBytes: 33554432 },
      'FAILED CONTAINER_LIMITATION_MEMORY',
      'Memory limit exceeded: the limit is 32 MB',
    ],
    [
      { kind: 'outOfMemory', limitBytes: 33554432, usedBytes: 33550000 },
      'FAILED CONTAINER_LIMITATION_MEMORY',
      'Memory limit exceeded: 32 MB were used of 32 MB',
    ],
    [{ kind: 'lost', message: 'it is gone' }, 'LOST EXECUTOR_TERMINATED', 'it is gone'],
  ] as const)('an end %j is %s', (exit, state, message) => {
    const agent = Story.registered();
    agent.running('T1');
    expect(agent.ended('T1', exit)).toEqual([`tell T1 ${state}`]);
    expect(agent.task('T1')?.updates[0]?.message).toBe(message);
  });

  test('G87: what the runtime tells of the container is in the status that tells of the start, and kept no longer', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.acknowledge('T1');
    agent.started('T1', { ip: '10.0.0.7', data: '[{}]' });
    const task = agent.task('T1');
    expect(task?.updates).toMatchObject([{ state: 'TASK_RUNNING', data: '[{}]' }]);
    expect([task?.container, task?.history.some((status) => 'data' in status)]).toEqual([
      { pid: 7, ip: '10.0.0.7' },
      false,
    ]);
  });

  test('A2: a task is launched once, whatever is asked', () => {
    const agent = Story.registered();
    agent.launch('T1');
    expect(agent.launch('T1')).toEqual([]);
    agent.started('T1');
    agent.ended('T1', 0);
    expect(agent.launch('T1')).toEqual([]);
  });

  test('A3: a second end changes nothing', () => {
    const agent = Story.registered();
    agent.running('T1');
    agent.ended('T1', 0);
    expect(agent.ended('T1', 1)).toEqual([]);
    expect(agent.started('T1')).toEqual([]);
    expect(agent.task('T1')?.state).toBe('TASK_FINISHED');
  });

  test('a start that takes long is told of, once the framework has seen the last', () => {
    const agent = Story.registered();
    agent.launch('T1');
    expect(agent.progressed('T1', 'fetching: 1 of 9 MB')).toEqual([]);
    agent.acknowledge('T1');
    expect(agent.progressed('T1', 'fetching: 2 of 9 MB')).toEqual(['tell T1 STARTING']);
    expect(agent.task('T1')?.updates[0]?.message).toBe('fetching: 2 of 9 MB');
    expect(agent.progressed('T1', 'fetching: 3 of 9 MB')).toEqual([]);
    agent.acknowledge('T1');
    expect(agent.started('T1')).toEqual(['tell T1 RUNNING']);
    expect(agent.progressed('T1', 'fetching: 9 of 9 MB')).toEqual([]);
  });

  test('of one that is to be killed nothing more is told', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.acknowledge('T1');
    agent.kill('T1');
    expect(agent.progressed('T1', 'fetching: 1 of 9 MB')).toEqual([]);
  });

  test('a start that fails is told; what the agent cannot run is told without a start', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.acknowledge('T1');
    expect(agent.failed('T1', 'no image')).toEqual(['tell T1 FAILED CONTAINER_LAUNCH_FAILED']);
    const plan = { refused: 'TASK_ERROR', reason: 'TASK_INVALID', message: 'no command' } as const;
    expect(agent.launch('T2', { plan })).toEqual(['tell T2 ERROR TASK_INVALID']);
    expect(agent.acknowledge('T2')).toEqual(['forget T2']);
    expect(agent.launch('a/b', { plan: { ...plan, unnameable: true } })).toEqual([
      'tell a/b ERROR TASK_INVALID',
    ]);
    expect(agent.task('a/b')).toBeUndefined();
  });

  test('T31: the newest status of each state is remembered', () => {
    const agent = Story.registered();
    agent.running('T1');
    expect(agent.task('T1')?.history.map(({ state }) => state)).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
  });
});

describe('ends that were asked for', () => {
  const polite = { framework: capable('TASK_KILLING_STATE') };

  test('E36, T60: SIGTERM, three seconds, SIGKILL', () => {
    const agent = Story.registered();
    agent.running('T1', polite);
    expect(agent.kill('T1')).toEqual(['tell T1 KILLING', 'terminate C-T1']);
    expect(agent.advance(2_999)).toEqual([]);
    expect(agent.advance(1)).toEqual(['1 ms: destroy C-T1']);
    agent.acknowledge('T1');
    expect(agent.ended('T1', { kind: 'signaled', signal: 'SIGKILL' })).toEqual(['tell T1 KILLED']);
  });

  test('T4: KILLING is only for those who know it', () => {
    const agent = Story.registered();
    agent.running('T1');
    expect(agent.kill('T1')).toEqual(['terminate C-T1']);
  });

  test('T60: the task’s own grace, and the order’s before it', () => {
    const agent = Story.registered();
    const task = { killPolicy: { gracePeriod: { nanoseconds: 10_000_000_000n } } };
    agent.running('T1', { task });
    agent.running('T2', { task });
    agent.kill('T1');
    agent.kill('T2', 1_000);
    expect(agent.advance(1_000)).toEqual(['1000 ms: destroy C-T2']);
    agent.ended('T2', 0);
    expect(agent.advance(9_000).filter((line) => line.includes('destroy'))).toEqual([
      '9000 ms: destroy C-T1',
    ]);
  });

  test('E36: asking again may only shorten the grace', () => {
    const agent = Story.registered();
    agent.running('T1');
    agent.kill('T1', 5_000);
    expect(agent.kill('T1', 60_000)).toEqual([]);
    agent.kill('T1', 1_000);
    expect(agent.advance(5_000)).toEqual(['1000 ms: destroy C-T1']);
  });

  test('E44, E48: who ends the container may be away: force is used again until the end is told', () => {
    const agent = Story.registered();
    agent.running('T1');
    agent.kill('T1', 1_000);
    expect(agent.advance(11_000)).toEqual([
      '1000 ms: destroy C-T1',
      '6000 ms: destroy C-T1',
      '11000 ms: destroy C-T1',
    ]);
    // Whoever asks once more does not have to wait for the next time.
    agent.kill('T1', 0);
    expect(agent.advance(0)).toEqual(['0 ms: destroy C-T1']);
    expect(agent.ended('T1', { kind: 'signaled', signal: 'SIGKILL' })).toEqual(['tell T1 KILLED']);
    expect(agent.advance(60_000).filter((line) => line.includes('destroy'))).toEqual([]);
  });

  test('E48: so it is with a task that is ended without being asked, and after a restart of the agent', () => {
    const agent = Story.registered();
    agent.running('T1');
    expect(agent.kill('T1', 0)).toEqual(['destroy C-T1']);
    agent.restart();
    agent.advance(60_000);
    expect(agent.recovered('T1', { kind: 'running', facts: {} })).toEqual(['destroy C-T1']);
    expect(agent.advance(5_000)).toEqual(['5000 ms: destroy C-T1']);
  });

  test('a grace of nothing is force at once', () => {
    const agent = Story.registered();
    agent.running('T1');
    expect(agent.kill('T1', 0)).toEqual(['destroy C-T1']);
  });

  test('an end after the order is KILLED, even with status 0', () => {
    const agent = Story.registered();
    agent.running('T1');
    agent.kill('T1');
    expect(agent.ended('T1', 0)).toEqual(['tell T1 KILLED']);
    expect(agent.advance(60_000).filter((line) => line.includes('destroy'))).toEqual([]);
  });

  test('T61: what has not begun never begins', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.acknowledge('T1');
    expect(agent.kill('T1')).toEqual(['cancel T1']);
    expect(agent.cancelled('T1')).toEqual(['tell T1 KILLED TASK_KILLED_DURING_LAUNCH']);
  });

  test('T61: what was just beginning is told to end as soon as it runs, and was never RUNNING', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.acknowledge('T1');
    agent.kill('T1', 1_000);
    agent.advance(5_000);
    expect(agent.started('T1')).toEqual(['terminate C-T1']);
    expect(agent.advance(1_000)).toEqual(['1000 ms: destroy C-T1']);
    expect(agent.ended('T1', { kind: 'signaled', signal: 'SIGKILL' })).toEqual(['tell T1 KILLED']);
  });

  test('T58, T62: of a task that is not here the agent says so, once', () => {
    const agent = Story.registered();
    agent.running('T1', { framework: capable('PARTITION_AWARE') });
    expect(agent.kill('T9')).toEqual(['tell T9 DROPPED EXECUTOR_TERMINATED']);
    expect(agent.reconcile('T9')).toEqual(['tell T9 DROPPED RECONCILIATION']);
    expect(agent.reconcile('T1')).toEqual([]);
    expect(agent.advance(60_000)).toEqual([]);
    agent.updateFramework();
    expect(agent.reconcile('T9')).toEqual(['tell T9 LOST RECONCILIATION']);
  });

  test('E38: a task that takes longer than it may is ended by force and has failed', () => {
    const agent = Story.registered();
    agent.running('T1', { task: { maxCompletionTime: { nanoseconds: 2_000_000_000n } } });
    expect(agent.advance(2_000)).toEqual(['2000 ms: destroy C-T1']);
    expect(agent.ended('T1', { kind: 'signaled', signal: 'SIGKILL' })).toEqual([
      'tell T1 FAILED MAX_COMPLETION_TIME_REACHED',
    ]);
  });

  test('E38: the time is nothing to a task that is being killed', () => {
    const agent = Story.registered();
    agent.running('T1', { task: { maxCompletionTime: { nanoseconds: 2_000_000_000n } } });
    agent.kill('T1', 10_000);
    expect(agent.advance(3_000)).toEqual([]);
    expect(agent.ended('T1', 0)).toEqual(['tell T1 KILLED']);
  });

  test('E37: a framework that is gone takes its tasks with it, and the master hears of each', () => {
    const agent = Story.registered();
    agent.running('T1');
    agent.running('T2');
    agent.ended('T2', 0);
    expect(agent.shutdownFramework()).toEqual(['tell T2 FINISHED', 'terminate C-T1']);
    expect(agent.advance(3_000)).toEqual(['3000 ms: destroy C-T1']);
    expect(agent.ended('T1', { kind: 'signaled', signal: 'SIGKILL' })).toEqual(['tell T1 KILLED']);
    expect(agent.state.unacknowledged).toBe(2);
  });
});
