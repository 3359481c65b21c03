import { createServer } from 'node:net';
import { anyPorts, portsFrom, portsIfFree } from './ports';

test('from a base, ports follow each other', async () => {
  const plan = portsFrom(7000);
  expect([await plan.next('registry'), await plan.next('agent')]).toEqual([
    { grpc: 7000, http: 7001 },
    { grpc: 7002, http: 7003 },
  ]);
});

test('any ports are all 0', async () => {
  expect(await anyPorts.next('agent')).toEqual({ grpc: 0, http: 0 });
});

test('a default port that is taken is not dealt out, nor is one twice', async () => {
  const plan = portsIfFree();
  const holder = createServer();
  // Somebody else may hold the port already: then the case is given as well.
  await new Promise<void>((resolve) =>
    holder.once('error', () => resolve()).listen(5062, '127.0.0.1', resolve),
  );
  expect((await plan.next('allocator')).grpc).toBe(0);
  await new Promise((resolve) => holder.close(resolve));
  expect(await plan.next('allocator')).toEqual({ grpc: 0, http: 0 });
});
