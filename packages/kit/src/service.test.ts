import { EventEmitter } from 'node:events';
import { failure } from '@meseta/model';
import { ConfigExit } from './config/config-exit';
import { FailureError } from './failure-error';
import { runService, type ProcessPort, type RunningService, type ServiceContext } from './service';

/** A process that records how it ended instead of ending. */
class FakeProcess extends EventEmitter implements ProcessPort {
  readonly argv = ['node', 'main.js', '--port', '1'];
  readonly env = { MESETA_PORT: '2' };
  out = '';
  err = '';
  readonly stdout = { write: (text: string) => (this.out += text) };
  readonly stderr = { write: (text: string) => (this.err += text) };
  exited!: (code: number) => void;
  readonly code = new Promise<number>((resolve) => (this.exited = resolve));
  exit(code: number): void {
    this.exited(code);
  }
}

function run(main: (context: ServiceContext) => Promise<RunningService>): FakeProcess {
  const host = new FakeProcess();
  runService('trial', main, host);
  return host;
}

test('main gets the arguments and the environment; SIGTERM closes once and exits 0', async () => {
  let closed = 0;
  let seen: ServiceContext | undefined;
  const host = run((context) => {
    seen = context;
    return Promise.resolve({ close: () => Promise.resolve(void (closed += 1)) });
  });
  await new Promise(setImmediate);
  host.emit('SIGTERM');
  expect(await host.code).toBe(0);
  expect(closed).toBe(1);
  expect(seen).toEqual({ argv: ['--port', '1'], env: { MESETA_PORT: '2' } });
});

test('a signal during the start closes what was started', async () => {
  let closed = false;
  let started!: (service: RunningService) => void;
  const host = run(() => new Promise((resolve) => (started = resolve)));
  host.emit('SIGINT');
  started({ close: () => Promise.resolve(void (closed = true)) });
  expect(await host.code).toBe(0);
  expect(closed).toBe(true);
});

test('a service whose parent is gone closes too', async () => {
  const host = run(() => Promise.resolve({ close: () => Promise.resolve() }));
  await new Promise(setImmediate);
  host.emit('disconnect');
  expect(await host.code).toBe(0);
});

test('help goes to stdout with code 0, a wrong flag to stderr with code 2', async () => {
  const help = run(() => Promise.reject(new ConfigExit(0, 'usage\n')));
  expect([await help.code, help.out]).toEqual([0, 'usage\n']);
  const wrong = run(() => Promise.reject(new ConfigExit(2, '--port must be a port')));
  expect([await wrong.code, wrong.err]).toEqual([2, 'meseta-trial: --port must be a port\n']);
});

test('a start that fails prints one line and exits 1', async () => {
  const host = run(() =>
    Promise.reject(new FailureError(failure('conflict', 'port 1 of x is in use (--port)\nmore'))),
  );
  expect([await host.code, host.err]).toEqual([1, 'meseta-trial: port 1 of x is in use (--port)\n']);
});

test('an error while closing is told, and the exit status is not 0', async () => {
  const host = run(() => Promise.resolve({ close: () => Promise.reject(new Error('stuck')) }));
  await new Promise(setImmediate);
  host.emit('SIGTERM');
  expect([await host.code, host.err]).toEqual([1, 'meseta-trial: stuck\n']);
});
