import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Draft } from './draft';
import { applyParameters } from './parameters';
import { parameterTable } from './parameter-table';

function applied(
  parameters: readonly (readonly [string, string])[],
  allowPrivileged = false,
  draft: Draft = { HostConfig: {} },
) {
  const given = parameters.map(([key, value]) => ({ key, value }));
  return applyParameters(draft, given, { allowPrivileged })?.message ?? draft;
}

test.each<[string, string, object, object?]>([
  ['add-host', 'db:10.0.0.7', { ExtraHosts: ['db:10.0.0.7'] }],
  ['add-host', 'six:::1', { ExtraHosts: ['six:::1'] }],
  ['blkio-weight', '500', { BlkioWeight: 500 }],
  ['blkio-weight-device', '/dev/sda:200', { BlkioWeightDevice: [{ Path: '/dev/sda', Weight: 200 }] }],
  ['cap-drop', 'NET_RAW', { CapDrop: ['NET_RAW'] }],
  ['cpuset-cpus', '0-1', { CpusetCpus: '0-1' }],
  ['device-read-bps', '/dev/sda:1mb', { BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 1_048_576 }] }],
  ['device-write-iops', '/dev/sda:100', { BlkioDeviceWriteIOps: [{ Path: '/dev/sda', Rate: 100 }] }],
  ['dns', '10.0.0.2', { Dns: ['10.0.0.2'] }],
  ['dns-option', 'ndots:2', { DnsOptions: ['ndots:2'] }],
  ['dns-search', 'example.org', { DnsSearch: ['example.org'] }],
  ['group-add', 'video', { GroupAdd: ['video'] }],
  ['init', 'true', { Init: true }],
  ['ipc', 'private', { IpcMode: 'private' }],
  ['memory-swap', '-1', { MemorySwap: -1 }],
  ['memory-swappiness', '0', { MemorySwappiness: 0 }],
  ['oom-score-adj', '500', { OomScoreAdj: 500 }],
  ['pids-limit', '32', { PidsLimit: 32 }],
  ['read-only', 'true', { ReadonlyRootfs: true }],
  ['security-opt', 'no-new-privileges', { SecurityOpt: ['no-new-privileges'] }],
  ['shm-size', '64m', { ShmSize: 67_108_864 }],
  ['storage-opt', 'size=10G', { StorageOpt: { size: '10G' } }],
  ['sysctl', 'net.core.somaxconn=512', { Sysctls: { 'net.core.somaxconn': '512' } }],
  ['tmpfs', '/run:rw,size=1m', { Tmpfs: { '/run': 'rw,size=1m' } }],
  ['ulimit', 'nofile=1024:2048', { Ulimits: [{ Name: 'nofile', Soft: 1024, Hard: 2048 }] }],
  ['ulimit', 'core=0', { Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }] }],
  ['volume', 'cache:/cache:ro', { Binds: ['cache:/cache:ro'] }],
  ['volume-driver', 'rexray', { VolumeDriver: 'rexray' }],
  ['volume', '/scratch', {}, { Volumes: { '/scratch': {} } }],
  ['domainname', 'example.org', {}, { Domainname: 'example.org' }],
  ['entrypoint', '/bin/tool', {}, { Entrypoint: ['/bin/tool'] }],
  ['env', 'A=b=c', {}, { Env: ['A=b=c'] }],
  ['env', 'EMPTY=', {}, { Env: ['EMPTY='] }],
  ['expose', '53/udp', {}, { ExposedPorts: { '53/udp': {} } }],
  ['health-cmd', 'true', {}, { Healthcheck: { Test: ['CMD-SHELL', 'true'] } }],
  ['health-interval', '1.5s', {}, { Healthcheck: { Interval: 1_500_000_000 } }],
  ['hostname', 'web', {}, { Hostname: 'web' }],
  ['label', 'team=web=1', {}, { Labels: { team: 'web=1' } }],
  ['label', 'flag', {}, { Labels: { flag: '' } }],
  ['mac-address', '02:42:ac:11:00:02', {}, { MacAddress: '02:42:ac:11:00:02' }],
  ['no-healthcheck', 'true', {}, { Healthcheck: { Test: ['NONE'] } }],
  ['stop-signal', 'SIGQUIT', {}, { StopSignal: 'SIGQUIT' }],
  ['user', '1000:1000', {}, { User: '1000:1000' }],
  ['workdir', '/srv', {}, { WorkingDir: '/srv' }],
])('%s=%s', (key, value, host, draft = {}) => {
  expect(applied([[key, value]])).toEqual({ ...draft, HostConfig: host });
});

test('what may be given several times adds up, and the order is kept', () => {
  const draft = applied([
    ['env', 'A=1'],
    ['dns', '10.0.0.2'],
    ['env', 'B=2'],
    ['dns', '10.0.0.3'],
    ['label', 'a=1'],
    ['label', 'b=2'],
  ]);
  expect(draft).toEqual({
    Env: ['A=1', 'B=2'],
    Labels: { a: '1', b: '2' },
    HostConfig: { Dns: ['10.0.0.2', '10.0.0.3'] },
  });
});

test('addresses and names in a network of the user', () => {
  const draft = { HostConfig: { NetworkMode: 'backend' } };
  const parameters = [
    ['ip', '10.1.0.7'],
    ['network-alias', 'db'],
    ['net-alias', 'database'],
  ] as const;
  expect(applied(parameters, false, draft)).toMatchObject({
    NetworkingConfig: {
      EndpointsConfig: {
        backend: { IPAMConfig: { IPv4Address: '10.1.0.7' }, Aliases: ['db', 'database'] },
      },
    },
  });
});

describe('powers over the machine need an agent that allows them', () => {
  test.each<[string, string, object]>([
    ['cap-add', 'SYS_ADMIN', { CapAdd: ['SYS_ADMIN'] }],
    ['cgroup-parent', '/elsewhere', { CgroupParent: '/elsewhere' }],
    [
      'device',
      '/dev/fuse',
      { Devices: [{ PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse', CgroupPermissions: 'rwm' }] },
    ],
    [
      'device',
      '/dev/sda:/dev/xvda:r',
      { Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/xvda', CgroupPermissions: 'r' }] },
    ],
    [
      'device',
      '/dev/sda:r',
      { Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/sda', CgroupPermissions: 'r' }] },
    ],
    ['device-cgroup-rule', 'c 10:229 rwm', { DeviceCgroupRules: ['c 10:229 rwm'] }],
    ['ipc', 'host', { IpcMode: 'host' }],
    ['oom-kill-disable', 'true', { OomKillDisable: true }],
    ['oom-score-adj', '-500', { OomScoreAdj: -500 }],
    ['pid', 'host', { PidMode: 'host' }],
    ['pid', 'container:other', { PidMode: 'container:other' }],
    ['privileged', 'true', { Privileged: true }],
    ['runtime', 'nvidia', { Runtime: 'nvidia' }],
    ['security-opt', 'seccomp=unconfined', { SecurityOpt: ['seccomp=unconfined'] }],
    ['userns', 'host', { UsernsMode: 'host' }],
    ['uts', 'host', { UTSMode: 'host' }],
    ['volume', '/etc:/host', { Binds: ['/etc:/host'] }],
    ['volumes-from', 'other', { VolumesFrom: ['other'] }],
  ])('%s=%s', (key, value, host) => {
    expect(applied([[key, value]])).toBe(
      `docker parameter '${key}' with the value '${value}' needs an agent with --docker-allow-privileged`,
    );
    expect(applied([[key, value]], true)).toEqual({ HostConfig: host });
  });
});

test.each([
  ['colour', 'red', 'is not one that this agent knows'],
  ['toString', 'x', 'is not one that this agent knows'],
  ['restart', 'always', 'is not for frameworks: its framework starts a task again, not the engine'],
  ['name', 'x', 'is not for frameworks: the agent names its containers'],
  ['memory', '1g', 'is not for frameworks: the resources and limits of the task say it'],
  ['log-driver', 'none', 'is not for frameworks: the agent reads the output through the driver json-file'],
  ['network', 'x', 'is not for frameworks: docker.network and network_infos say it'],
  ['add-host', 'db', "must have the form name:value, not 'db'"],
  ['device', 'fuse', "must have the form /path[:/path in the container][:rwm], not 'fuse'"],
  ['env', 'A', "must have the form name=value, not 'A'"],
  ['expose', 'http', "must be a port, as 80 or 53/udp, not 'http'"],
  ['health-interval', '5', "must be a number with the unit ms, s, m or h, not '5'"],
  ['init', 'yes', "must be true or false, not 'yes'"],
  ['ip', '10.0.0.1', "must be given in a network of type USER only, not '10.0.0.1'"],
  ['label', 'meseta.agent=x', "must not begin with '=' or 'meseta.', not 'meseta.agent=x'"],
  ['memory-swappiness', '101', "must be a whole number from 0 to 100, not '101'"],
  ['read-only', '', "must be true or false, not ''"],
  [
    'security-opt',
    'seccomp=/etc/p.json',
    "must not name a file: there is none to read it from, not 'seccomp=/etc/p.json'",
  ],
  ['shm-size', '64x', "must be a number of bytes, or one with the unit b, k, m or g, not '64x'"],
  ['tmpfs', 'run', "must begin with an absolute path, not 'run'"],
  ['ulimit', 'nofile=5:4', "must not have a soft limit above the hard one, not 'nofile=5:4'"],
  ['workdir', '', "must not be empty, not ''"],
])('%s=%s is refused', (key, value, rule) => {
  expect(applied([[key, value]], true)).toBe(`docker parameter '${key}' ${rule}`);
});

test('what the description says already is not said twice', () => {
  const draft = {
    User: 'web',
    Hostname: 'a',
    Entrypoint: ['/bin/sh'],
    HostConfig: { Memory: 64, PidsLimit: 10 },
  };
  const said = (key: string, value: string) => applied([[key, value]], false, structuredClone(draft));
  expect(said('user', 'root')).toMatch(/'user' must not be given besides command.user/);
  expect(said('hostname', 'b')).toMatch(/'hostname' must not be given besides container.hostname/);
  expect(said('entrypoint', '/x')).toMatch(/'entrypoint' must be given with command.shell = false only/);
  expect(said('memory-swap', '63')).toMatch(/'memory-swap' must not be less than the task's memory, 64/);
  expect(said('pids-limit', '11')).toMatch(/'pids-limit' must not be above --processes-max, 10/);
});

test('the documentation names every parameter', () => {
  const page = readFileSync(join(__dirname, '../../../../../docs/frameworks/docker.md'), 'utf8');
  const missing = Object.keys(parameterTable).filter((key) => !page.includes(`\`${key}\``));
  expect(missing).toEqual([]);
});
