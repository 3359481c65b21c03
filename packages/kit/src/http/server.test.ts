import { createLogger } from '../log';
import { createMetrics } from '../metrics';
import { startHttpServer, type HttpServer } from './server';

const metrics = createMetrics('trial');
metrics.counter('things_total', 'How many things there were.', ['kind']).inc({ kind: 'a' });
let ready: true | string = true;
let server: HttpServer;

const options = {
  host: '127.0.0.1',
  port: 0,
  insecure: false,
  service: 'trial',
  version: '1.2.3',
  metrics: metrics.registry,
  ready: () => ready,
  log: createLogger('trial', 'silent'),
};

async function get(path: string): Promise<{ code: number; text: string }> {
  const response = await fetch(`http://${server.address}${path}`);
  return { code: response.status, text: await response.text() };
}

beforeAll(async () => {
  server = await startHttpServer({
    ...options,
    routes: (app) => {
      app.get('/own', () => ({ own: true }));
      app.get('/break', () => {
        throw new Error('the secret reason');
      });
    },
  });
});

afterAll(() => server.close());

test('live, version and own routes answer', async () => {
  expect(await get('/health/live')).toEqual({ code: 200, text: 'ok\n' });
  expect(await get('/version')).toEqual({ code: 200, text: '{"service":"trial","version":"1.2.3"}' });
  expect(await get('/own')).toEqual({ code: 200, text: '{"own":true}' });
});

test('ready says why not', async () => {
  expect((await get('/health/ready')).code).toBe(200);
  ready = 'no leader yet';
  expect(await get('/health/ready')).toEqual({ code: 503, text: 'no leader yet\n' });
});

test('metrics have our prefix, and the process has its own', async () => {
  const { text } = await get('/metrics');
  expect(text).toContain('meseta_trial_things_total{kind="a"} 1');
  expect(text).toContain('nodejs_eventloop_lag_seconds');
});

test('a fault does not tell its reason', async () => {
  expect(await get('/break')).toEqual({ code: 500, text: 'internal error; the server logged it\n' });
});

test('a port in use and a public address are refused in one line', async () => {
  const port = Number(server.address.split(':')[1]);
  await expect(startHttpServer({ ...options, port })).rejects.toThrow(
    `port ${port} of 127.0.0.1 is in use (--http-port)`,
  );
  await expect(startHttpServer({ ...options, host: '::' })).rejects.toThrow('refusing to listen on ::');
});
