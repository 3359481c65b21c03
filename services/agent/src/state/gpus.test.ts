import fc from 'fast-check';
import { Resources } from '@meseta/model';
import { resourcesToProto, Value_Type } from '@meseta/protocol';
import { storedExecutor, executorOf } from '../checkpoint/executor-codec';
import { storedTask, taskOf } from '../checkpoint/task-codec';
import { Story } from './testdata/story';

const wanting = (text: string) => {
  const resources = Resources.parse(text) as Resources;
  return { task: { resources: resourcesToProto(resources) } };
};

/** A task of an executor, and what both want. */
const withExecutor = (executor: string, task: string, runtime = 'process') => ({
  ...wanting(task),
  executor: { info: { executorId: { value: 'E' }, ...wanting(executor).task }, plan: { runtime } },
});

/** An agent of three gpus. */
function machine(): Story {
  const agent = Story.registered();
  agent.do({
    kind: 'configured',
    resources: Resources.parse('cpus:8;gpus:3') as Resources,
    gpus: ['a', 'b', 'c'],
  });
  return agent;
}

test('R62: each task has gpus of its own, the first that are free', () => {
  const agent = machine();
  agent.running('T1', wanting('cpus:1;gpus:1'));
  agent.running('T2', wanting('cpus:1'));
  agent.running('T3', wanting('gpus:1'));
  expect(['T1', 'T2', 'T3'].map((id) => agent.task(id)?.gpus)).toEqual([['a'], [], ['b']]);
  agent.ended('T1', 0);
  // Its end is not acknowledged yet, but nothing runs there any more.
  agent.launch('T4', wanting('gpus:2'));
  expect(agent.task('T4')?.gpus).toEqual(['a', 'c']);
});

test('more than are left are not given out, and a part of one is nothing', () => {
  const agent = machine();
  agent.running('T1', wanting('gpus:2'));
  expect(agent.launch('T2', wanting('gpus:2'))).toEqual(['tell T2 LOST RESOURCES_UNKNOWN']);
  expect(agent.task('T2')?.updates[0]?.message).toBe('The agent has 1 gpus left, not 2');
  const half = {
    task: {
      resources: [{ name: 'gpus', type: Value_Type.SCALAR, scalar: { value: 0.5 }, reservations: [] }],
    },
  };
  expect(agent.launch('T3', half)).toEqual(['tell T3 ERROR TASK_INVALID']);
  expect(agent.task('T3')?.gpus).toEqual([]);
});

test('A8: whatever is launched and ends, in whatever order, no gpu is anybody else’s', () => {
  const happening = fc.oneof(
    fc.record({ launch: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ end: fc.integer({ min: 0, max: 19 }) }),
    fc.constant({ restart: true }),
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 20 }), (history) => {
      const agent = machine();
      for (const [n, what] of history.entries()) {
        if ('launch' in what) agent.launch(`T${n}`, wanting(`cpus:1;gpus:${what.launch}`));
        else if ('end' in what) agent.ended(`T${what.end}`, 0);
        else agent.restart();
        const live = [...agent.state.tasks.values()].filter(({ phase }) => phase !== 'ended');
        const held = live.flatMap(({ gpus }) => gpus);
        expect(new Set(held).size).toBe(held.length);
        for (const { gpus, info } of live)
          expect(gpus).toHaveLength(info.resources.find(({ name }) => name === 'gpus')?.scalar?.value ?? 0);
      }
    }),
  );
});

test('a launch that was refused, or whose start failed, holds none', () => {
  const agent = machine();
  agent.launch('T1', wanting('gpus:3'));
  agent.failed('T1', 'no image');
  agent.launch('T2', wanting('gpus:3'));
  expect(agent.task('T2')?.gpus).toEqual(['a', 'b', 'c']);
});

test('where nobody said which there are, they are a number like any other', () => {
  const agent = Story.registered();
  expect(agent.launch('T1', wanting('gpus:8'))).toEqual(['tell T1 STARTING', 'start T1']);
  expect(agent.task('T1')?.gpus).toEqual([]);
});

test('they are the same after a restart, whatever is offered then', () => {
  const agent = machine();
  agent.running('T1', wanting('gpus:1'));
  agent.running('T2', wanting('gpus:1'));
  const [task] = agent.state.tasks.values();
  if (task === undefined) throw new Error('no task');
  expect(taskOf(storedTask(task), new Uint8Array()).gpus).toEqual(['a']);
  const { gpus: _, ...older } = storedTask(task);
  expect(taskOf(older, new Uint8Array()).gpus).toEqual([]);
  agent.restart();
  agent.do({
    kind: 'configured',
    resources: Resources.parse('cpus:8;gpus:2') as Resources,
    gpus: ['c', 'b'],
  });
  expect([agent.task('T1')?.gpus, agent.task('T2')?.gpus]).toEqual([['a'], ['b']]);
});

test('an executor has its own besides those of its tasks, and gives them back when it has ended', () => {
  const agent = machine();
  agent.launchWith('E', 'T1', withExecutor('gpus:1', 'gpus:1'));
  const [executor] = agent.state.executors.values();
  if (executor === undefined) throw new Error('no executor');
  expect([executor.gpus, agent.task('T1')?.gpus]).toEqual([['a'], ['b']]);
  expect(executorOf(storedExecutor(executor), new Uint8Array()).gpus).toEqual(['a']);
  agent.launchWith('E', 'T2', withExecutor('gpus:1', 'gpus:1'));
  expect(agent.task('T2')?.gpus).toEqual(['c']);
});

test('an executor in a container of Docker has the gpus that it began with, and its tasks none of their own', () => {
  const agent = machine();
  agent.launchWith('E', 'T1', withExecutor('', 'gpus:1', 'docker'));
  const [task] = agent.state.tasks.values();
  expect(task?.updates[0]?.message).toBe(
    'gpus must be resources of the executor, not of its task: it is a container of type DOCKER',
  );
  agent.launchWith('E', 'T2', withExecutor('gpus:2', '', 'docker'));
  const [executor] = agent.state.executors.values();
  expect(executor?.gpus).toEqual(['a', 'b']);
});
