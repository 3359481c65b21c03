import { createServer, type Server } from 'node:net';
import { listeningSockets, parseListening, socketsOf } from './listening';

test('a table of sockets: those that listen, of either version', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41001 1 0 100 0 0 10 0
   1: 0100007F:1F91 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 41002 1 0 20 4 30 10 -1
   2: 00000000000000000000000000000000:7918 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41003 1 0 100 0 0 10 0
`;
  expect(parseListening(table)).toEqual([
    ['41001', 8080],
    ['41003', 31000],
  ]);
  expect(parseListening('')).toEqual([]);
});

test.each(['127.0.0.1', '::1'])('this process is found to listen on %s', async (host) => {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  const sockets = await listeningSockets();
  const own = (await socketsOf(process.pid)).map((inode) => sockets.get(inode));
  expect(own).toContain(port);
  await new Promise((resolve) => server.close(resolve));
  expect([...(await listeningSockets()).values()]).not.toContain(port);
});

test('a process that is gone has no sockets', async () => {
  expect(await socketsOf(2 ** 22 + 1)).toEqual([]);
});
