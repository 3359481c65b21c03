import { frameworkId, taskId } from '@meseta/model';
import { capable, executorUpdate as update, Story } from './testdata/story';

const F = frameworkId('F');

describe('a custom executor', () => {
  test('E31: it is started once, and each of its tasks is handed to it', () => {
    const agent = Story.registered();
    expect(agent.launchWith('E', 'T1')).toEqual(['start executor E']);
    expect(agent.executorStarted('E')).toEqual([]);
    expect(agent.subscribe('E')).toEqual(['to E: subscribed', 'to E: launch T1']);
    expect(agent.launchWith('E', 'T2')).toEqual(['resize E', 'to E: launch T2']);
    expect(agent.launchGroup('E', ['T3', 'T4'], { kind: 'custom' })).toEqual([
      'resize E',
      'to E: launch group T3 T4',
    ]);
  });

  test('T24, T25: an update is told on and acknowledged; the same again is only acknowledged', () => {
    const agent = Story.registered();
    agent.executorRunning('E', 'T1');
    const running = update('T1', 'TASK_RUNNING');
    const acknowledged = 'to E: acknowledged T1 U-T1-TASK_RUNNING';
    expect(agent.executorSays('E', running)).toEqual(['tell T1 RUNNING', acknowledged]);
    expect(agent.executorSays('E', running)).toEqual([acknowledged]);
    agent.acknowledge('T1', 'U-T1-TASK_RUNNING');
    expect(agent.executorSays('E', running)).toEqual([acknowledged]);
    expect(agent.executorSays('E', update('T1', 'TASK_FINISHED'))).toEqual([
      'tell T1 FINISHED',
      // E21: what is left may use what is its own.
      'resize E',
      'to E: acknowledged T1 U-T1-TASK_FINISHED',
    ]);
    // A terminal task never changes again (A3), whatever its executor says.
    expect(agent.executorSays('E', update('T1', 'TASK_FAILED'))).toEqual([
      'to E: acknowledged T1 U-T1-TASK_FAILED',
    ]);
    expect(agent.acknowledge('T1')).toEqual(['forget T1']);
    expect(agent.state.executors.size).toBe(1);
  });

  test('T33: an update of a task that nobody knows is told once', () => {
    const agent = Story.registered();
    agent.executorRunning('E', 'T1');
    expect(agent.executorSays('E', update('other', 'TASK_RUNNING'))).toEqual([
      'tell other RUNNING',
      'to E: acknowledged other U-other-TASK_RUNNING',
    ]);
    expect(agent.task('other')).toBeUndefined();
  });

  test('E12: a kill is handed to it with the grace', () => {
    const agent = Story.registered();
    agent.executorRunning('E', 'T1');
    expect(agent.kill('T1', 7_000)).toEqual(['to E: kill T1 in 7000 ms']);
    expect(agent.kill('T1', 9_000)).toEqual([]);
    expect(agent.kill('T1', 1_000)).toEqual(['to E: kill T1 in 1000 ms']);
  });

  test('T61, E17: what was killed before it was handed over never is, and an executor for nothing is sent home', () => {
    const agent = Story.registered();
    agent.launchGroup('E', ['T1', 'T2'], { kind: 'custom' });
    agent.executorStarted('E');
    expect(agent.kill('T1')).toEqual([
      'tell T1 KILLED TASK_KILLED_DURING_LAUNCH',
      'resize E',
      'tell T2 KILLED TASK_KILLED_DURING_LAUNCH',
      'resize E',
    ]);
    expect(agent.subscribe('E')).toEqual(['to E: subscribed', 'to E: shutdown']);
    expect(agent.advance(5_000)).toContain('5000 ms: destroy X-E');
  });

  test('E22: one that does not subscribe in time is destroyed, and its tasks fail', () => {
    const agent = Story.registered();
    agent.launchWith('E', 'T1');
    agent.executorStarted('E');
    expect(agent.advance(59_999)).toEqual([]);
    expect(agent.advance(1)).toEqual(['1 ms: destroy X-E']);
    expect(agent.executorEnded('E', { kind: 'signaled', signal: 'SIGKILL' })).toEqual([
      'tell T1 FAILED EXECUTOR_REGISTRATION_TIMEOUT',
      'executor E ended with 9',
    ]);
    agent.acknowledge('T1');
    expect(agent.state.executors.size).toBe(0);
  });

  test('E26: its end is the end of its tasks', () => {
    const agent = Story.registered();
    agent.executorRunning('E', 'T1');
    agent.executorSays('E', update('T1', 'TASK_RUNNING'));
    agent.acknowledge('T1');
    expect(agent.executorEnded('E', 3)).toEqual([
      'disconnect 1',
      'tell T1 FAILED EXECUTOR_TERMINATED',
      'executor E ended with 768',
    ]);
    agent.acknowledge('T1');
    expect(agent.state.executors.size + agent.state.frameworks.size).toBe(0);
  });

  test('one that cannot be started takes its tasks with it', () => {
    const agent = Story.registered();
    agent.launchWith('E', 'T1');
    const command = { kind: 'startFailed', key: 'F//E', containerId: 'X-E' as never } as const;
    expect(agent.do({ ...command, message: 'no image', reason: 'CONTAINER_LAUNCH_FAILED' })).toEqual([
      'tell T1 FAILED CONTAINER_LAUNCH_FAILED',
      'executor E ended with -1',
    ]);
  });

  test('E24: a shutdown is asked for, then forced', () => {
    const agent = Story.registered();
    agent.executorRunning('E', 'T1');
    const shutdown = { kind: 'shutdownExecutor', frameworkId: F, executorId: 'E' } as const;
    expect(agent.order(shutdown)).toEqual(['to E: shutdown']);
    expect(agent.order(shutdown)).toEqual([]);
    expect(agent.launchWith('E', 'T2')).toEqual(['tell T2 LOST EXECUTOR_TERMINATED']);
    expect(agent.advance(5_000)).toEqual(['5000 ms: destroy X-E']);
  });

  test('E24, E48: force is used again until its end is told, and the reason stays', () => {
    const agent = Story.registered();
    agent.launchWith('E', 'T1');
    agent.executorStarted('E');
    expect(agent.advance(70_000)).toEqual([
      '60000 ms: destroy X-E',
      '65000 ms: destroy X-E',
      '70000 ms: destroy X-E',
    ]);
    agent.subscribe('E');
    expect(agent.advance(5_000)).toEqual(['5000 ms: destroy X-E']);
    expect(agent.executorEnded('E', { kind: 'signaled', signal: 'SIGKILL' })).toContain(
      'tell T1 FAILED EXECUTOR_REGISTRATION_TIMEOUT',
    );
    expect(agent.advance(9_000)).toEqual([]);
  });

  test('E37: that of a command has the task’s id, and to end it is to end the task within its grace', () => {
    const agent = Story.registered();
    agent.running('T1');
    const shutdown = { kind: 'shutdownExecutor', frameworkId: F, executorId: 'T1' } as const;
    expect(agent.order(shutdown)).toEqual(['terminate C-T1']);
    expect(agent.order(shutdown)).toEqual([]);
    expect(agent.advance(3_000)).toEqual(['3000 ms: destroy C-T1']);
    expect(agent.ended('T1', { kind: 'signaled', signal: 'SIGKILL' })).toEqual(['tell T1 KILLED']);
    expect(agent.order(shutdown)).toEqual([]);
    expect(agent.order({ ...shutdown, executorId: 'nobody' })).toEqual([]);
  });

  test('E37: a task of another executor is not meant, though it has that id', () => {
    const agent = Story.registered();
    agent.executorRunning('E', 'T1');
    expect(agent.order({ kind: 'shutdownExecutor', frameworkId: F, executorId: 'T1' })).toEqual([]);
  });

  test('messages go both ways while somebody listens', () => {
    const agent = Story.registered();
    agent.executorRunning('E', 'T1');
    const data = Buffer.from('hello');
    const message = { kind: 'frameworkMessage', frameworkId: F, executorId: 'E', data } as const;
    expect(agent.order(message)).toEqual(['to E: message hello']);
    expect(agent.do({ kind: 'executorSaid', key: 'F//E', messages: [data] })).toEqual([
      'message of E: hello',
    ]);
    agent.do({ kind: 'executorDisconnected', key: 'F//E', connection: 1 });
    expect(agent.order(message)).toEqual([]);
  });

  test('E18: one whose stream breaks comes back, and is told what it missed', () => {
    const agent = Story.registered();
    agent.executorRunning('E', 'T1');
    agent.executorSays('E', update('T1', 'TASK_RUNNING'));
    agent.do({ kind: 'executorDisconnected', key: 'F//E', connection: 1 });
    agent.kill('T1', 1_000);
    agent.launchWith('E', 'T2');
    expect(agent.subscribe('E', { tasks: ['T1'] })).toEqual([
      'to E: subscribed',
      'to E: kill T1 in 1000 ms',
      'to E: launch T2',
    ]);
  });

  describe('after a restart of the agent', () => {
    const found = { kind: 'running', facts: { pid: 8 } } as const;
    const recover = (agent: Story) =>
      agent.do({ kind: 'recovered', outcomes: [{ key: 'F//E', containerId: 'X-E' as never, found }] });

    test('E16: it comes back with what was not acknowledged; a task that it never got is lost', () => {
      const agent = Story.registered();
      agent.executorRunning('E', 'T1');
      agent.launchWith('E', 'T2');
      agent.restart();
      recover(agent);
      agent.connect();
      expect(agent.subscribe('E', { updates: [update('T1', 'TASK_RUNNING')] })).toEqual([
        'to E: subscribed',
        'tell T1 RUNNING',
        'to E: acknowledged T1 U-T1-TASK_RUNNING',
        'tell T2 LOST AGENT_RESTARTED',
        'resize E',
      ]);
      expect(agent.advance(10_000)).toEqual([
        '10000 ms: tell T2 LOST AGENT_RESTARTED again, 2',
        '10000 ms: tell T1 RUNNING again, 2',
      ]);
    });

    test('E23: one that does not come back is destroyed, and its tasks are gone', () => {
      const agent = Story.registered();
      agent.executorRunning('E', 'T1', { framework: capable('PARTITION_AWARE') });
      agent.executorSays('E', update('T1', 'TASK_RUNNING'));
      agent.acknowledge('T1');
      agent.restart();
      recover(agent);
      agent.connect();
      expect(agent.advance(2_000)).toEqual(['2000 ms: destroy X-E']);
      expect(agent.executorEnded('E', { kind: 'signaled', signal: 'SIGKILL' })).toEqual([
        'tell T1 GONE EXECUTOR_REREGISTRATION_TIMEOUT',
        'executor E ended with 9',
      ]);
    });

    test('E29: without checkpointing it ends with the agent', () => {
      const agent = Story.registered();
      agent.executorRunning('E', 'T1', { framework: { checkpoint: false } });
      expect(agent.do({ kind: 'closing' })).toEqual(['destroy X-E']);
      agent.restart();
      agent.do({
        kind: 'recovered',
        outcomes: [
          {
            key: 'F//E',
            containerId: 'X-E' as never,
            found: { kind: 'ended', exit: { kind: 'signaled', signal: 'SIGKILL' } },
          },
        ],
      });
      expect(agent.connect()).toEqual(['registered', 'tell T1 LOST AGENT_RESTARTED']);
    });
  });

  test('a stream of an executor that is not here is ended', () => {
    const agent = Story.registered();
    expect(
      agent.do({
        kind: 'executorSubscribed',
        key: 'F//nobody',
        connection: 9,
        unacknowledgedTasks: [taskId('T')],
        unacknowledgedUpdates: [],
      }),
    ).toEqual(['disconnect 9']);
  });
});
