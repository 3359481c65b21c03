import type Docker from 'dockerode';
import { dataOf, exitOf, factsOf } from './inspection';

function inspected(more: object = {}): Docker.ContainerInspectInfo {
  return {
    Id: '0123',
    Name: '/meseta-c1',
    State: { Pid: 42 },
    Config: { Env: ['PASSWORD=secret'], Tty: false },
    HostConfig: {},
    NetworkSettings: { Networks: { none: { IPAddress: '' }, bridge: { IPAddress: '172.17.0.2' } } },
    ...more,
  } as unknown as Docker.ContainerInspectInfo;
}

test('frameworks are told what docker inspect prints, but for the environment', () => {
  const { pid, ip, data } = factsOf(inspected());
  expect([pid, ip]).toEqual([42, '172.17.0.2']);
  expect(JSON.parse(data ?? '')).toMatchObject([{ Id: '0123', Config: { Env: [], Tty: false } }]);
  expect(data).not.toContain('secret');
});

test('no more than is good for a status', () => {
  const long = dataOf(inspected({ HostConfig: { Binds: Array(2000).fill('/a/long/path:/another') } }));
  expect(Buffer.byteLength(long ?? '')).toBeLessThan(1024);
  expect(JSON.parse(long ?? '')).toMatchObject([{ Id: '0123', NetworkSettings: { Networks: {} } }]);
  expect(dataOf(inspected({ Name: 'x'.repeat(100_000) }))).toBeUndefined();
});

test.each<[object, object]>([
  [{ ExitCode: 3 }, { kind: 'exited', status: 3 }],
  [{ ExitCode: 137 }, { kind: 'signaled', signal: 'SIGKILL' }],
  [
    { ExitCode: 137, OOMKilled: true },
    { kind: 'outOfMemory', limitBytes: 64 },
  ],
  // A child was ended for want of memory, and the container lived to do without it.
  [
    { ExitCode: 0, OOMKilled: true },
    { kind: 'exited', status: 0 },
  ],
  [
    { ExitCode: 3, OOMKilled: true },
    { kind: 'exited', status: 3 },
  ],
])('%j is an end', (state, exit) => {
  expect(exitOf(state as Docker.ContainerInspectInfo['State'], 64)).toEqual(exit);
});
