import { Resources } from '@meseta/model';
import { TaskInfo } from '@meseta/protocol';
import { planOf, type RunBy, type Runtimes } from './plan';

const both: Runtimes = new Map([
  ['process', { keepsLimits: true }],
  ['docker', { keepsLimits: true }],
]);
const processOnly: Runtimes = new Map([['process', { keepsLimits: false }]]);
const resources = Resources.parse('cpus:1;mem:32');
const docker = { type: 'DOCKER', docker: { image: 'debian' } };
const command = { value: 'true' };

function planned(task: object, by: RunBy = 'command', runtimes = both): string {
  const info = TaskInfo.fromJSON({ taskId: { value: 'T1' }, ...task });
  const plan = planOf(info, 'F1', { resources }, by, runtimes);
  return 'refused' in plan ? `${plan.refused} ${plan.reason}: ${plan.message}` : plan.runtime;
}

test.each<[string, object, RunBy?, Runtimes?]>([
  ['process', { command }],
  ['docker', { container: docker }],
  ['docker', { container: docker, command }],
  ['docker', { container: { ...docker, ttyInfo: {} } }],
  ['', { command }, 'custom'],
  ['process', { command, limits: { cpus: { value: 2 } } }],
  ['process', { command, limits: {} }, 'command', processOnly],
])('"%s" runs %j', (...[runtime, task, by, runtimes]) => {
  expect(planned(task, by, runtimes)).toBe(runtime);
});

test.each<[string, object, RunBy?, Runtimes?]>([
  ['TASK_ERROR TASK_INVALID: the task must have a command', {}],
  ['TASK_ERROR TASK_INVALID: container.docker.image must be set', { container: { type: 'DOCKER' } }],
  [
    'TASK_ERROR TASK_INVALID: a task of a group must not have a container of type DOCKER',
    { container: docker },
    'pod',
  ],
  [
    'TASK_FAILED CONTAINER_LAUNCH_FAILED: this agent does not run tasks with docker (--runtimes)',
    { container: docker },
    'command',
    processOnly,
  ],
  [
    'TASK_DROPPED GC_ERROR: this agent cannot keep limits: it has no control groups that it may write to',
    { command, limits: { mem: { value: 64 } } },
    'command',
    processOnly,
  ],
  [
    'TASK_FAILED CONTAINER_LAUNCH_FAILED: network_infos.name needs an agent that runs as root and isolates tasks (--isolate-processes)',
    { command, container: { type: 'MESOS', networkInfos: [{ name: 'net' }] } },
  ],
  [
    'TASK_ERROR TASK_INVALID: a task of a group must not have network_infos: its executor has',
    { command, container: { type: 'MESOS', networkInfos: [{ name: 'net' }] } },
    'pod',
  ],
])('refused with %s', (...[refusal, task, by, runtimes]) => {
  expect(planned(task, by, runtimes)).toBe(refusal);
});

test('a name that could lead out of the work directory is refused before anything is written', () => {
  const info = TaskInfo.fromJSON({ taskId: { value: '../T1' }, command });
  expect(planOf(info, 'F1', { resources }, 'command', both)).toMatchObject({
    refused: 'TASK_ERROR',
    unnameable: true,
  });
});
