import { capable, Story } from './testdata/story';

describe('a group of tasks', () => {
  test('A7: all are started, and each is told of for itself', () => {
    const agent = Story.registered();
    expect(agent.launchGroup('E', ['T1', 'T2'])).toEqual([
      'tell T1 STARTING',
      'start T1',
      'tell T2 STARTING',
      'start T2',
    ]);
    for (const id of ['T1', 'T2']) {
      agent.acknowledge(id);
      expect(agent.started(id)).toEqual([`tell ${id} RUNNING`]);
      agent.acknowledge(id);
    }
    // One that finishes leaves the others alone (E47).
    expect(agent.ended('T1', 0)).toEqual(['tell T1 FINISHED', 'resize E']);
    expect(agent.ended('T2', 0)).toEqual(['tell T2 FINISHED']);
    expect(agent.acknowledge('T1')).toEqual(['forget T1']);
    expect(agent.acknowledge('T2')).toEqual(['forget T2', 'executor E ended with 0']);
    expect(agent.state.executors.size + agent.state.frameworks.size).toBe(0);
  });

  function running(framework = {}): Story {
    const agent = Story.registered();
    agent.launchGroup('E', ['T1', 'T2'], { framework });
    for (const id of ['T1', 'T2']) {
      agent.acknowledge(id);
      agent.started(id);
      agent.acknowledge(id);
    }
    return agent;
  }

  test('E47: one that fails takes the others with it', () => {
    const agent = running();
    expect(agent.ended('T1', 1)).toEqual(['tell T1 FAILED', 'terminate C-T2', 'resize E']);
    expect(agent.advance(3_000)).toEqual(['3000 ms: destroy C-T2']);
    expect(agent.ended('T2', { kind: 'signaled', signal: 'SIGKILL' })).toEqual(['tell T2 KILLED']);
  });

  test('E48: to kill one is to kill all', () => {
    const agent = running(capable('TASK_KILLING_STATE'));
    expect(agent.kill('T1', 500)).toEqual([
      'tell T1 KILLING',
      'terminate C-T1',
      'tell T2 KILLING',
      'terminate C-T2',
    ]);
  });

  test('E49: one that cannot be started takes the others with it', () => {
    const agent = Story.registered();
    agent.launchGroup('E', ['T1', 'T2']);
    agent.acknowledge('T1');
    expect(agent.failed('T1', 'no such file')).toEqual([
      'tell T1 FAILED CONTAINER_LAUNCH_FAILED',
      'cancel T2',
      'resize E',
    ]);
    agent.acknowledge('T2');
    expect(agent.cancelled('T2')).toEqual(['tell T2 KILLED TASK_KILLED_DURING_LAUNCH']);
  });

  test('E49: each that cannot be started has failed, and the others are killed', () => {
    const agent = Story.registered();
    agent.launchGroup('E', ['T1', 'T2', 'T3']);
    for (const id of ['T1', 'T2', 'T3']) agent.acknowledge(id);
    agent.failed('T1', 'no such image');
    expect(agent.failed('T2', 'no such image')).toEqual([
      'tell T2 FAILED CONTAINER_LAUNCH_FAILED',
      'resize E',
    ]);
    expect(agent.task('T2')?.updates[0]?.message).toBe('no such image');
    expect(agent.cancelled('T3')).toEqual(['tell T3 KILLED TASK_KILLED_DURING_LAUNCH']);
  });

  test('T61: of one that was to be killed by its framework it does not matter that it cannot be started', () => {
    const agent = Story.registered();
    agent.launchGroup('E', ['T1']);
    agent.acknowledge('T1');
    agent.kill('T1');
    expect(agent.failed('T1', 'no such image')).toEqual(['tell T1 KILLED TASK_KILLED_DURING_LAUNCH']);
  });

  test('none is started when one cannot be, or when its name is taken', () => {
    const agent = Story.registered();
    const plan = { refused: 'TASK_ERROR', reason: 'TASK_INVALID', message: 'no command' } as const;
    expect(agent.launchGroup('E', ['T1', 'T2'], { plan })).toEqual([
      'tell T1 ERROR TASK_INVALID',
      'tell T2 ERROR TASK_INVALID',
    ]);
    agent.launch('T3');
    expect(agent.launchGroup('E', ['T3', 'T4'])).toEqual([]);
    expect(agent.task('T4')).toBeUndefined();
    expect(agent.state.executors.size).toBe(0);
  });

  test('E45: a second group runs with the same executor, and its end is its own', () => {
    const agent = running();
    expect(agent.launchGroup('E', ['T3'])).toEqual(['resize E', 'tell T3 STARTING', 'start T3']);
    agent.acknowledge('T3');
    agent.started('T3');
    agent.acknowledge('T3');
    expect(agent.ended('T3', 1)).toEqual(['tell T3 FAILED', 'resize E']);
    expect(agent.state.executors.size).toBe(1);
  });

  test('an executor that is shut down ends its tasks and takes no more', () => {
    const agent = running();
    expect(agent.order({ kind: 'shutdownExecutor', frameworkId: 'F' as never, executorId: 'E' })).toEqual([
      'terminate C-T1',
      'terminate C-T2',
    ]);
    expect(agent.launchGroup('E', ['T3'])).toEqual(['tell T3 LOST EXECUTOR_TERMINATED']);
    // E37: within the grace of its tasks, and then by force.
    expect(agent.advance(3_000)).toEqual(['3000 ms: destroy C-T1', '3000 ms: destroy C-T2']);
    expect(agent.ended('T1', { kind: 'signaled', signal: 'SIGKILL' })).toEqual([
      'tell T1 KILLED',
      'resize E',
    ]);
  });

  test('after a restart of the agent the group goes on', () => {
    const agent = running();
    agent.restart();
    const found = { kind: 'running', facts: {} } as const;
    agent.recovered('T1', found);
    agent.recovered('T2', found);
    agent.connect();
    expect(agent.ended('T2', 2)).toEqual(['tell T2 FAILED', 'terminate C-T1', 'resize E']);
  });
});
