import { agentId, containerId, frameworkId, isFailure, Resources } from '@meseta/model';
import { ContainerInfo, TaskInfo } from '@meseta/protocol';
import { planContainer, updateOptions } from './create-options';

const resources = Resources.parse('cpus:1;mem:64;ports:[31000-31001]') as Resources;

/** What is planned for a task of the image debian, or why nothing is. */
function planned(container: object, task: object = {}, allowPrivileged = false, gpus?: readonly string[]) {
  const info = TaskInfo.fromJSON(task);
  const given = container as { docker?: object };
  const plan = planContainer(
    {
      containerId: containerId('c1'),
      agentId: agentId('a1'),
      frameworkId: frameworkId('f1'),
      name: 'web',
      mounts: [],
      command: info.command,
      container: ContainerInfo.fromJSON({
        type: 'DOCKER',
        ...given,
        docker: { image: 'debian', ...given.docker },
      }),
      user: undefined,
      environment: new Map([['A', 'b']]),
      sandbox: '/agent/sandbox',
      resources,
      limits: { cpuMilli: 1000, memoryBytes: 64, processes: 10, ...(gpus !== undefined && { gpus }) },
    },
    { agentName: 'agent', allowPrivileged },
  );
  return isFailure(plan) ? plan.message : plan.options;
}

test('a container, as the daemon is told of it', () => {
  expect(planned({}, { command: { value: 'echo hello' } })).toEqual({
    name: 'meseta-c1',
    Image: 'debian',
    Entrypoint: ['/bin/sh'],
    Cmd: ['-c', 'echo hello'],
    Env: ['A=b'],
    Labels: {
      'meseta.agent-name': 'agent',
      'meseta.container': 'c1',
      'meseta.agent': 'a1',
      'meseta.framework': 'f1',
      'meseta.task': 'web',
    },
    ExposedPorts: {},
    HostConfig: {
      CpuShares: 1024,
      Memory: 64,
      MemorySwap: 64,
      PidsLimit: 10,
      LogConfig: { Type: 'json-file', Config: {} },
      Binds: ['/agent/sandbox:/mnt/mesos/sandbox:rw'],
      NetworkMode: 'host',
      PortBindings: {},
    },
  });
});

test('a terminal, powers and parameters', () => {
  const docker = { privileged: true, parameters: [{ key: 'cap-add', value: 'SYS_ADMIN' }] };
  expect(planned({ docker, ttyInfo: {} }, {}, true)).toMatchObject({
    Tty: true,
    HostConfig: { Privileged: true, CapAdd: ['SYS_ADMIN'] },
  });
});

test('gpus, as docker run --gpus asks for them', () => {
  expect(planned({}, {}, false, ['GPU-a', 'GPU-b'])).toMatchObject({
    HostConfig: {
      DeviceRequests: [{ Driver: 'nvidia', DeviceIDs: ['GPU-a', 'GPU-b'], Capabilities: [['gpu']] }],
    },
  });
  expect(planned({}, {}, false, [])).toMatchObject({
    HostConfig: expect.not.objectContaining({ DeviceRequests: [] }) as object,
  });
});

describe('networks', () => {
  test.each<[string, object]>([
    ['host', {}],
    ['none', { docker: { network: 'NONE' } }],
    ['bridge', { docker: { network: 'BRIDGE' } }],
    ['backend', { docker: { network: 'USER' }, networkInfos: [{ name: 'backend' }] }],
  ])('%s', (NetworkMode, container) => {
    expect(planned(container)).toMatchObject({ HostConfig: { NetworkMode } });
  });

  test('ports of the machine lead to ports of the container', () => {
    const portMappings = [
      { hostPort: 31000, containerPort: 80 },
      { hostPort: 31001, containerPort: 80, protocol: 'TCP' },
      { hostPort: 31001, containerPort: 53, protocol: 'udp' },
    ];
    expect(planned({ docker: { network: 'BRIDGE', portMappings }, hostname: 'web' })).toMatchObject({
      Hostname: 'web',
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      HostConfig: {
        PortBindings: {
          '80/tcp': [{ HostPort: '31000' }, { HostPort: '31001' }],
          '53/udp': [{ HostPort: '31001' }],
        },
      },
    });
  });

  const mapped = (network: string, mapping: object) => ({ docker: { network, portMappings: [mapping] } });
  test.each<[string, object]>([
    ["host_port 80 must be one of the task's ports", mapped('BRIDGE', { hostPort: 80, containerPort: 80 })],
    ['container_port 0 must be from 1 to 65535', mapped('BRIDGE', { hostPort: 31000 })],
    [
      "protocol 'sctp' must be tcp or udp",
      mapped('BRIDGE', { hostPort: 31000, containerPort: 80, protocol: 'sctp' }),
    ],
    [
      'port_mappings need a network of type BRIDGE or USER',
      mapped('HOST', { hostPort: 31000, containerPort: 80 }),
    ],
    ['hostname must not be set in a network of type HOST', { hostname: 'web' }],
    ['a container in a network of type USER must name it in network_infos', { docker: { network: 'USER' } }],
    [
      'a container in a network of type USER must name one network in network_infos',
      { docker: { network: 'USER' }, networkInfos: [{ name: 'a' }, { name: 'b' }] },
    ],
    [
      "a container in a network of type USER must name a network of its own, not 'host'",
      { docker: { network: 'USER' }, networkInfos: [{ name: 'host' }] },
    ],
    ['docker.privileged needs an agent with --docker-allow-privileged', { docker: { privileged: true } }],
  ])('refused: %s', (message, container) => {
    expect(planned(container)).toBe(message);
  });
});

describe('volumes', () => {
  const mount = (Type: string, Source: string, more: object = {}) => ({
    HostConfig: { Mounts: [{ Type, Source, Target: '/data', ReadOnly: false, ...more }] },
  });
  test.each<[string, object, object?]>([
    [
      'host_path',
      { hostPath: '/srv', mode: 'RO' },
      { HostConfig: { Binds: ['/agent/sandbox:/mnt/mesos/sandbox:rw', '/srv:/data:ro'] } },
    ],
    [
      'host_path in the sandbox',
      { hostPath: 'a/b' },
      { HostConfig: { Binds: ['/agent/sandbox:/mnt/mesos/sandbox:rw', '/agent/sandbox/a/b:/data:rw'] } },
    ],
    ['HOST_PATH', { source: { type: 'HOST_PATH', hostPath: { path: '/srv' } } }, mount('bind', '/srv')],
    [
      'HOST_PATH that sees later mounts',
      {
        source: {
          type: 'HOST_PATH',
          hostPath: { path: '/srv', mountPropagation: { mode: 'HOST_TO_CONTAINER' } },
        },
      },
      mount('bind', '/srv', { BindOptions: { Propagation: 'rslave' } }),
    ],
    [
      'SANDBOX_PATH',
      { source: { type: 'SANDBOX_PATH', sandboxPath: { type: 'SELF', path: 'a' } } },
      mount('bind', '/agent/sandbox/a'),
    ],
    [
      'DOCKER_VOLUME',
      {
        source: {
          type: 'DOCKER_VOLUME',
          dockerVolume: {
            name: 'v1',
            driver: 'rexray',
            driverOptions: { parameter: [{ key: 'size', value: '1' }] },
          },
        },
      },
      mount('volume', 'v1', {
        VolumeOptions: {
          NoCopy: false,
          Labels: {},
          DriverConfig: { Name: 'rexray', Options: { size: '1' } },
        },
      }),
    ],
  ])('%s', (_, volume, expected) => {
    expect(planned({ volumes: [{ containerPath: '/data', ...volume }] })).toMatchObject(expected ?? {});
  });

  test('with a driver a relative host_path is the name of a volume', () => {
    const volumes = [{ containerPath: '/data', hostPath: 'v1', mode: 'RO' }];
    expect(planned({ docker: { volumeDriver: 'rexray' }, volumes })).toMatchObject({
      HostConfig: {
        Mounts: [
          {
            Type: 'volume',
            Source: 'v1',
            ReadOnly: true,
            VolumeOptions: { DriverConfig: { Name: 'rexray' } },
          },
        ],
      },
    });
  });

  test.each<[string, object]>([
    ['container_path must be set', { containerPath: '', hostPath: '/srv' }],
    ['host_path must be set', {}],
    ['host_path and source must not both be set', { hostPath: '/a', source: { type: 'HOST_PATH' } }],
    ['a relative host_path must lie in the sandbox', { hostPath: '../other' }],
    ['a relative container_path must lie in the sandbox', { containerPath: '../x', hostPath: '/srv' }],
    ["paths must not contain ':'", { hostPath: '/a:b' }],
    ['source.host_path.path must be absolute', { source: { type: 'HOST_PATH', hostPath: { path: 'a' } } }],
    [
      'propagation BIDIRECTIONAL needs an agent with --docker-allow-privileged',
      {
        source: { type: 'HOST_PATH', hostPath: { path: '/a', mountPropagation: { mode: 'BIDIRECTIONAL' } } },
      },
    ],
    [
      'source.sandbox_path.type must be set',
      { source: { type: 'SANDBOX_PATH', sandboxPath: { path: 'a' } } },
    ],
    [
      'source.sandbox_path of type PARENT needs a task of a group',
      { source: { type: 'SANDBOX_PATH', sandboxPath: { type: 'PARENT', path: 'a' } } },
    ],
    [
      'source.sandbox_path.path must lie in the sandbox',
      { source: { type: 'SANDBOX_PATH', sandboxPath: { type: 'SELF', path: '../../etc' } } },
    ],
    ['source.docker_volume.name must be set', { source: { type: 'DOCKER_VOLUME', dockerVolume: {} } }],
    [
      'source.docker_volume.name must be letters, digits, and _ . - but not in the first place',
      { source: { type: 'DOCKER_VOLUME', dockerVolume: { name: '/etc' } } },
    ],
    ['an image cannot be the volume of a container of type DOCKER', { image: { type: 'DOCKER' } }],
    [
      'only sources of type HOST_PATH, SANDBOX_PATH, DOCKER_VOLUME and SECRET are supported',
      { source: { type: 'CSI_VOLUME' } },
    ],
  ])('refused: %s', (rule, volume) => {
    const path = 'containerPath' in volume ? (volume as { containerPath: string }).containerPath : '/data';
    expect(planned({ volumes: [{ containerPath: '/data', ...volume }] })).toBe(`volume ${path}: ${rule}`);
  });
});

test('an update keeps what the container had of swap', () => {
  const limits = { cpuMilli: 500, cpuQuotaMilli: 1500, memoryBytes: 1000 };
  expect(updateOptions(limits, 0)).toEqual({
    CpuShares: 512,
    CpuPeriod: 100_000,
    CpuQuota: 150_000,
    Memory: 1000,
    MemorySwap: 1000,
    PidsLimit: -1,
  });
  expect(updateOptions(limits, 24).MemorySwap).toBe(1024);
  expect(updateOptions(limits, -1).MemorySwap).toBe(-1);
});

test('R64: an update lifts every bound that is unset', () => {
  expect(updateOptions({ cpuMilli: 500 }, 0)).toEqual({
    CpuShares: 512,
    CpuQuota: -1,
    Memory: 2 ** 60,
    MemorySwap: 2 ** 60,
    PidsLimit: -1,
  });
});

test('R61: revocable cpus weigh next to nothing', () => {
  expect(updateOptions({ cpuMilli: 3000, lowCpuMilli: 3000 }, 0).CpuShares).toBe(30);
});
