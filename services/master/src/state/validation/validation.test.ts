import {
  Resources,
  agentId,
  executorId,
  frameworkId,
  instant,
  isFailure,
  operationId,
  taskId,
  type Resource,
} from '@meseta/model';
import { resourcesToProto, type ExecutorInfo, type TaskInfo } from '@meseta/protocol';
import type { ExecutorToLaunch, TaskToLaunch } from '../command';
import { addExecutor } from '../ledger';
import { makeAgent } from '../make-agent';
import type { Agent, Framework } from '../state';
import { validateGroup } from './group';
import { validateTask, type TaskContext } from './task';

// One row for each rule of a task, a group and an executor (S71 – S94): the smallest description that breaks it, and what is said of it.

const framework: Framework = {
  id: frameworkId('F'),
  info: { name: 'f', user: 'nobody', roles: [], capabilities: [], offerFilters: {} },
  roles: ['web'],
  capabilities: new Set(),
  suppressed: new Set(),
  offerConstraints: undefined,
  demands: [],
  demandsVersion: 0,
  failoverTimeoutMs: 0,
  membership: 'active',
  stream: 's',
  registeredAt: instant(0),
  reregisteredAt: undefined,
  failoverAt: undefined,
  tasks: new Map(),
  unreachable: new Map(),
  completed: [],
  offers: new Set(),
  operations: new Map(),
};

const info: TaskInfo = {
  name: 't',
  taskId: { value: 't' },
  agentId: { value: 'A' },
  resources: [],
  limits: {},
  command: { value: 'true', uris: [], arguments: [] },
};

const executorInfo: ExecutorInfo = {
  executorId: { value: 'E' },
  resources: [],
  command: { value: 'run', uris: [], arguments: [] },
};

function resources(text: string): Resources {
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return parsed;
}

function gpus(count: number): Resources {
  return Resources.of([{ name: 'gpus', value: { kind: 'scalar', milli: count * 1000 }, reservations: [] }]);
}

function context(capabilities: readonly string[] = ['TASK_RESOURCE_LIMITS']): TaskContext {
  const agent: Agent = makeAgent(
    agentId('A'),
    { info: { hostname: 'h', resources: [], attributes: [] } },
    instant(0),
  );
  agent.capabilities = capabilities;
  return { framework, agent, pool: resources('cpus:4;mem:1024;disk:100;gpus:1'), role: 'web' };
}

function task(change: Partial<TaskInfo> = {}, more: Partial<TaskToLaunch> = {}): TaskToLaunch {
  return {
    taskId: taskId('t'),
    info: { ...info, ...change },
    resources: resources('cpus:1;mem:64'),
    executor: undefined,
    ...more,
  };
}

function executor(change: Partial<ExecutorInfo> = {}, wanted = 'cpus:0.1;mem:32;disk:1'): ExecutorToLaunch {
  return { executorId: executorId('E'), info: { ...executorInfo, ...change }, resources: resources(wanted) };
}

const name = (value: string): Partial<TaskToLaunch> => ({ taskId: taskId(value) });
const uses = (text: string): Partial<TaskToLaunch> => ({ resources: resources(text) });
const command = { uris: [], arguments: [] };
const seconds = (value: number) => ({ nanoseconds: BigInt(value) * 1_000_000_000n });
const container = { volumes: [], networkInfos: [] };
const docker = { ...container, type: 'DOCKER' as never };
const image = { image: 'i', portMappings: [], parameters: [] };

describe('a task', () => {
  test('that keeps every rule is taken', () => {
    expect(validateTask(task(), context())).toBeUndefined();
    // What its image runs.
    const own = { ...container, mesos: { image: { docker: { name: 'i' } } } };
    expect(
      validateTask(task({ container: own, command: { ...command, shell: false } }), context()),
    ).toBeUndefined();
    expect(validateTask(task({ container: own, command: { ...command } }), context())?.message).toMatch(
      /command\.value/,
    );
    expect(validateTask(task({ command: undefined }, { executor: executor() }), context())).toBeUndefined();
    expect(
      validateTask(task({ limits: { cpus: { value: 2 }, mem: { value: Infinity } } }), context()),
    ).toBeUndefined();
  });

  test.each<[string, TaskToLaunch, RegExp]>([
    ['an empty id', task({}, name('')), /task_id must not be empty/],
    ['a slash in its id', task({}, name('a/b')), /task_id must not contain '\/'/],
    ['an id that is a path', task({}, name('..')), /task_id must not be '\.\.'/],
    ['a control character', task({}, name('a\nb')), /task_id must not contain control characters/],
    ['a long id', task({}, name('a'.repeat(256))), /must not be longer than 255 bytes/],
    ['another agent', task({ agentId: { value: 'B' } }), /agent_id must be the agent of the offer, A, not B/],
    ['no agent', task({ agentId: undefined }), /not unset/],
    ['neither command nor executor', task({ command: undefined }), /command must be set, or executor/],
    ['both', task({}, { executor: executor() }), /executor must not be set together with command/],
    ['nothing to run', task({ command: { ...command, value: '' } }), /command\.value must not be empty/],
    ['no image', task({ container: docker }), /container\.docker\.image must be set/],
    [
      'a docker parameter that names it',
      task({ container: { ...docker, docker: { ...image, parameters: [{ key: 'name', value: 'x' }] } } }),
      /must not set name/,
    ],
    [
      'a volume of two sources',
      task({ container: { ...container, volumes: [{ containerPath: 'c', hostPath: '/h', source: {} }] } }),
      /container\.volumes must have one of/,
    ],
    [
      'a volume that goes nowhere',
      task({ container: { ...container, volumes: [{ hostPath: '/h' }] } }),
      /must have a container_path/,
    ],
    [
      'a negative grace',
      task({ killPolicy: { gracePeriod: seconds(-1) } }),
      /grace_period must not be negative/,
    ],
    ['a negative time', task({ maxCompletionTime: seconds(-1) }), /max_completion_time must not be negative/],
    ['a check of no type', task({ check: {} }), /check\.type must be COMMAND, HTTP or TCP/],
    ['a check without port', task({ check: { type: 'TCP' as never } }), /check\.tcp\.port must be a port/],
    [
      'a relative path',
      task({ healthCheck: { type: 'HTTP' as never, http: { port: 80, path: 'x', statuses: [] } } }),
      /health_check\.http\.path must begin with '\/'/,
    ],
    [
      'another scheme',
      task({ healthCheck: { type: 'HTTP' as never, http: { port: 80, scheme: 'ftp', statuses: [] } } }),
      /scheme must be http or https/,
    ],
    [
      'a health check without command',
      task({ healthCheck: { type: 'COMMAND' as never } }),
      /health_check\.command\.value must be set/,
    ],
    [
      'a negative delay',
      task({ check: { type: 'TCP' as never, tcp: { port: 1 }, delaySeconds: -1 } }),
      /check\.delay_seconds must not be negative/,
    ],
    [
      'a nameless variable',
      task({ command: { ...command, value: 'x', environment: { variables: [{ name: '' }] } } }),
      /variable name ''/,
    ],
    [
      'a variable with value and secret',
      task({
        command: {
          ...command,
          value: 'x',
          environment: { variables: [{ name: 'V', value: 'v', secret: {} }] },
        },
      }),
      /must not have both a value and a secret/,
    ],
    [
      'a secret without a type',
      task({
        command: { ...command, value: 'x', environment: { variables: [{ name: 'V', secret: {} }] } },
      }),
      /command\.environment variable V must have a secret of type REFERENCE or VALUE/,
    ],
    [
      'a secret as a volume without a name',
      task({
        container: {
          volumes: [
            {
              containerPath: 'key',
              source: { type: 'SECRET' as never, secret: { type: 'REFERENCE' as never } },
            },
          ],
          networkInfos: [],
        },
      }),
      /container\.volumes key must name its secret in secret\.reference\.name/,
    ],
    [
      'a URI of nothing',
      task({ command: { value: 'x', arguments: [], uris: [{ value: '' }] } }),
      /command\.uris must have values/,
    ],
    ['no resources', task({}, { resources: Resources.empty }), /resources must not be empty/],
    ['half a gpu', task({}, { resources: gpus(0.5) }), /gpus must be a whole number/],
    ['more than is offered', task({}, uses('cpus:5')), /cpus:5 is more than what is left of the offer/],
    [
      'what may be taken back beside what may not',
      task(
        {},
        {
          resources: resources('cpus:1').add(resources('cpus:1').map((one) => ({ ...one, revocable: true }))),
        },
      ),
      /cpus must not be both revocable and not/,
    ],
    ['a limit of disk', task({ limits: { disk: { value: 1 } } }), /limits must not name disk/],
    ['a limit below what it asks', task({ limits: { mem: { value: 32 } } }), /limits must not be less/],
    [
      'an executor of another framework',
      task({ command: undefined }, { executor: executor({ frameworkId: { value: 'G' } }) }),
      /executor\.framework_id must be F, not G/,
    ],
    [
      'an executor that runs groups',
      task({ command: undefined }, { executor: executor({ type: 'DEFAULT' as never, command: undefined }) }),
      /DEFAULT runs groups of tasks/,
    ],
    [
      'an executor without command',
      task({ command: undefined }, { executor: executor({ command: undefined }) }),
      /executor\.command must be set/,
    ],
    [
      'an executor that does not fit beside it',
      task({ command: undefined }, { executor: executor({}, 'cpus:3.5') }),
      /cpus:4\.5;mem:64 is more/,
    ],
    [
      'an impatient executor',
      task({ command: undefined }, { executor: executor({ shutdownGracePeriod: seconds(-1) }) }),
      /shutdown_grace_period must not be negative/,
    ],
  ])('with %s is refused', (_what, wanted, message) => {
    expect(validateTask(wanted, context())?.message).toMatch(message);
  });

  test('R42: it may use one volume of a name in each role, and none twice', () => {
    const volume = (role: string, containerPath = 'data'): Resource => ({
      name: 'disk',
      value: { kind: 'scalar', milli: 1000 },
      reservations: [{ type: 'DYNAMIC', role }],
      disk: { persistence: { id: 'v' }, volume: { containerPath, mode: 'RW' } },
    });
    const where = { ...context(), pool: Resources.of([volume('a'), volume('a/b')]) };
    const both = Resources.of([volume('a'), volume('a/b', 'other')]);
    expect(validateTask(task({}, { resources: both }), where)).toBeUndefined();
    const twice = Resources.of([volume('a'), volume('a', 'other')]);
    expect(validateTask(task({}, { resources: twice }), where)?.message).toBe(
      'resources must not name the volume v twice',
    );
  });

  test('R14: what it says is allocated is allocated to the role of the offer', () => {
    const where = { ...context(), role: 'web' };
    const given = (role: string) => resourcesToProto(resources('cpus:1').allocate(role));
    expect(validateTask(task({ resources: given('web') }), where)).toBeUndefined();
    expect(validateTask(task({ resources: given('db') }), where)).toMatchObject({
      message: 'resources.allocation_info.role must be the role of the offer, web, not db',
      detail: { field: 'resources.allocation_info.role' },
    });
    const wanted = task({ command: undefined }, { executor: executor({ resources: given('db') }) });
    expect(validateTask(wanted, where)?.message).toBe(
      'executor.resources.allocation_info.role must be the role of the offer, web, not db',
    );
  });

  test('limits need an agent that can bound them', () => {
    expect(validateTask(task({ limits: { cpus: { value: 2 } } }), context([]))?.message).toMatch(
      /need an agent with the capability TASK_RESOURCE_LIMITS/,
    );
  });

  test('an executor that runs takes nothing again, and is the same or refused', () => {
    const where = context();
    const wanted = executor({}, 'cpus:3.5');
    addExecutor(where.agent, {
      id: wanted.executorId,
      frameworkId: framework.id,
      agentId: where.agent.id,
      info: wanted.info,
      role: 'web',
      resources: resources('cpus:3.5'),
    });
    expect(validateTask(task({ command: undefined }, { executor: wanted }), where)).toBeUndefined();
    const other = executor({ name: 'other' }, 'cpus:3.5');
    expect(validateTask(task({ command: undefined }, { executor: other }), where)?.message).toMatch(
      /E runs on the agent with another description/,
    );
  });
});

describe('a group', () => {
  const pod = executor({ type: 'DEFAULT' as never, command: undefined });
  const group = (tasks: readonly TaskToLaunch[], more: object = {}) => ({
    kind: 'launchGroup' as const,
    uuid: '',
    id: undefined,
    executor: pod,
    tasks,
    ...more,
  });
  const shared = (shareCgroups: boolean) => ({
    container: { ...container, linuxInfo: { shareCgroups } as never },
  });

  test('that keeps every rule is taken', () => {
    expect(validateGroup(group([task(), task({}, name('u'))]), context())).toBeUndefined();
  });

  test.each<[string, Parameters<typeof validateGroup>[0], RegExp]>([
    ['an id', group([task()], { id: operationId('o') }), /operations\.id must not be set/],
    ['no executor', group([task()], { executor: undefined }), /executor must be set/],
    ['no tasks', group([]), /must have a task/],
    ['an executor of no type', group([task()], { executor: executor() }), /type must be DEFAULT or CUSTOM/],
    [
      'a default executor with a command',
      group([task()], { executor: executor({ type: 'DEFAULT' as never }) }),
      /command must not be set for the type DEFAULT/,
    ],
    [
      'an executor without disk',
      group([task()], { executor: executor({ type: 'CUSTOM' as never }, 'cpus:0.1;mem:32') }),
      /must have some disk/,
    ],
    ['a task twice', group([task(), task()]), /names t twice/],
    ['a task with an executor', group([task({}, { executor: pod })]), /must not have an executor of its own/],
    ['a Docker task', group([task({ container: { ...docker, docker: image } })]), /of type DOCKER/],
    [
      'a task with a network',
      group([task({ container: { ...container, networkInfos: [{} as never] } })]),
      /must not have networks/,
    ],
    [
      'both kinds of sharing',
      group([task(shared(true)), task(shared(false), name('u'))]),
      /the same container\.linux_info\.share_cgroups/,
    ],
    [
      'limits in shared control groups',
      group([task({ limits: { cpus: { value: 2 } } })]),
      /share_cgroups false/,
    ],
    [
      'too much together',
      group([task({}, uses('cpus:2')), task({}, { ...name('u'), ...uses('cpus:2') })]),
      /cpus:4\.1/,
    ],
  ])('with %s is refused', (_what, wanted, message) => {
    expect(validateGroup(wanted, context())?.message).toMatch(message);
  });
});
