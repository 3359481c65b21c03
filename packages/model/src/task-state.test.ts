import type { TaskState } from './task-state';
import { isTerminal, mayFollow, mermaid, partitionUnawareState, taskStates } from './task-state';

const all = Object.keys(taskStates) as TaskState[];

describe('task states (T1-T13)', () => {
  test('there are fourteen, with the numbers of Mesos', () => {
    expect(Object.fromEntries(all.map((state) => [state, taskStates[state].number]))).toEqual({
      TASK_STARTING: 0,
      TASK_RUNNING: 1,
      TASK_FINISHED: 2,
      TASK_FAILED: 3,
      TASK_KILLED: 4,
      TASK_LOST: 5,
      TASK_STAGING: 6,
      TASK_ERROR: 7,
      TASK_KILLING: 8,
      TASK_DROPPED: 9,
      TASK_UNREACHABLE: 10,
      TASK_GONE: 11,
      TASK_GONE_BY_OPERATOR: 12,
      TASK_UNKNOWN: 13,
    });
  });

  test('T12: the terminal ones', () => {
    expect(all.filter(isTerminal).sort()).toEqual([
      'TASK_DROPPED',
      'TASK_ERROR',
      'TASK_FAILED',
      'TASK_FINISHED',
      'TASK_GONE',
      'TASK_GONE_BY_OPERATOR',
      'TASK_KILLED',
      'TASK_LOST',
    ]);
  });

  test('T13: nothing follows an end, not even itself', () => {
    for (const from of all.filter(isTerminal)) for (const to of all) expect(mayFollow(from, to)).toBe(false);
  });

  test('what runs may be said to run again; what is unreachable may run again; what runs does not start again', () => {
    expect(mayFollow('TASK_RUNNING', 'TASK_RUNNING')).toBe(true);
    expect(mayFollow('TASK_UNREACHABLE', 'TASK_RUNNING')).toBe(true);
    expect(mayFollow('TASK_RUNNING', 'TASK_STARTING')).toBe(false);
    expect(mayFollow('TASK_STAGING', 'TASK_FINISHED')).toBe(true);
  });

  test('from everything that is not an end an end can be reached', () => {
    for (const from of all.filter((state) => !isTerminal(state)))
      expect(mayFollow(from, 'TASK_LOST')).toBe(true);
  });

  test('what a framework without PARTITION_AWARE is shown', () => {
    expect(all.filter((state) => partitionUnawareState(state) !== state).sort()).toEqual([
      'TASK_DROPPED',
      'TASK_GONE',
      'TASK_GONE_BY_OPERATOR',
      'TASK_UNKNOWN',
      'TASK_UNREACHABLE',
    ]);
  });

  test('the picture names every state', () => {
    for (const state of all) expect(mermaid()).toContain(state);
  });
});
