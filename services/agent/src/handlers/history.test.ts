import { frameworkId } from '@meseta/model';
import { ExecutorInfo, FrameworkInfo, Task } from '@meseta/protocol';
import { History } from './history';

const framework = (name: string): FrameworkInfo => FrameworkInfo.fromPartial({ name, user: '' });
const executor = (value: string): ExecutorInfo => ExecutorInfo.fromPartial({ executorId: { value } });
const task = (value: string): Task => Task.fromPartial({ taskId: { value } });

describe('what has ended on an agent (G15)', () => {
  const [f, g, h] = ['F', 'G', 'H'].map(frameworkId) as [
    ReturnType<typeof frameworkId>,
    ReturnType<typeof frameworkId>,
    ReturnType<typeof frameworkId>,
  ];
  const names = (history: History) => ({
    frameworks: history.completedFrameworks().map(({ name }) => name),
    executors: history.completedExecutors().map(({ executorId }) => executorId?.value),
    tasks: history.completedTasks().map(({ taskId }) => taskId?.value),
  });

  test('of each kind the newest are kept', () => {
    const history = new History({ frameworks: 2, executors: 2, tasks: 2 });
    for (const name of ['a', 'b', 'c']) history.taskEnded(f, 'lives', task(name));
    expect(names(history)).toEqual({ frameworks: [], executors: [], tasks: ['b', 'c'] });
    for (const name of ['x', 'y', 'z']) {
      history.taskEnded(f, name, task(`of-${name}`));
      history.executorEnded(f, name, executor(name));
    }
    // One that lives is not one of them.
    expect(names(history)).toEqual({
      frameworks: [],
      executors: ['y', 'z'],
      tasks: ['b', 'c', 'of-y', 'of-z'],
    });
    history.executorEnded(f, 'y', executor('y'));
    history.executorEnded(f, 'last', executor('last'));
    expect(names(history).executors).toEqual(['y', 'last']);
  });

  test('what was of a framework goes with it; one that is back is not completed', () => {
    const history = new History({ frameworks: 2, executors: 9, tasks: 9 });
    for (const [id, name] of [
      [f, 'F'],
      [g, 'G'],
      [h, 'H'],
    ] as const) {
      history.taskEnded(id, `${name}-e`, task(`${name}-t`));
      history.executorEnded(id, `${name}-e`, executor(`${name}-e`));
      history.frameworkEnded(id, framework(name));
    }
    expect(names(history)).toEqual({
      frameworks: ['G', 'H'],
      executors: ['G-e', 'H-e'],
      tasks: ['G-t', 'H-t'],
    });
    history.frameworkIsBack(g);
    expect(names(history)).toMatchObject({ frameworks: ['H'], executors: ['G-e', 'H-e'] });
    history.frameworkEnded(g, framework('G'));
    expect(names(history).frameworks).toEqual(['H', 'G']);
  });

  test('nothing is kept where nothing is to be', () => {
    const history = new History({ frameworks: 0, executors: 0, tasks: 0 });
    history.taskEnded(f, 'e', task('t'));
    history.executorEnded(f, 'e', executor('e'));
    history.frameworkEnded(f, framework('F'));
    expect(names(history)).toEqual({ frameworks: [], executors: [], tasks: [] });
  });
});
