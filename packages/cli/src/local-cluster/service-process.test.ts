import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceProcess } from './service-process';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meseta-service-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function start(program: string, startMaxMs = 10_000): Promise<ServiceProcess> {
  const main = join(folder, 'main.js');
  writeFileSync(main, program);
  return ServiceProcess.start({
    name: 'trial-1',
    main,
    args: ['--flag'],
    logFile: join(folder, 'log'),
    startMaxMs,
  });
}

const listens = `
  console.log(JSON.stringify({ msg: 'starting', argv: process.argv.slice(2) }));
  console.log(JSON.stringify({ msg: 'listening', grpc: '127.0.0.1:1', http: '127.0.0.1:2' }));
  process.on('disconnect', () => process.exit(0));
`;

test('a service has started when it says that it listens, and where', async () => {
  const service = await start(`${listens} setInterval(() => {}, 1000);`);
  expect([service.grpc, service.http]).toEqual(['127.0.0.1:1', '127.0.0.1:2']);
  await service.stop();
  expect(await service.ended).toBe('signal SIGTERM');
  expect(readFileSync(join(folder, 'log'), 'utf8')).toContain('"argv":["--flag"]');
});

test('one that dies at its start is told with its own words', async () => {
  await expect(
    start(`console.error('meseta-trial: port 5060 of 127.0.0.1 is in use (--port)'); process.exit(1);`),
  ).rejects.toThrow(
    `trial-1 did not start: port 5060 of 127.0.0.1 is in use (--port) (log: ${join(folder, 'log')})`,
  );
});

test('one that dies without a word is told with its exit status', async () => {
  await expect(start('process.exit(3)')).rejects.toThrow('trial-1 did not start: exit status 3');
});

test('one that never listens is given up, and ended', async () => {
  await expect(start('setInterval(() => {}, 1000)', 300)).rejects.toThrow(
    'trial-1 did not start: it was not listening after 0.3 s',
  );
});
