import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseTraceparent, printTraceparent } from './traceparent';
import { noTracing, startTracing } from './tracing';

test('without an endpoint tracing is off, and its spans are empty', () => {
  const tracing = startTracing('trial', {});
  expect(tracing).toBe(noTracing);
  const span = tracing.start('anything');
  span.event('e');
  span.end();
  expect(span.traceparent).toBe('');
});

test('a traceparent is read and printed; a wrong one counts as none', () => {
  const text = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const context = parseTraceparent(text);
  expect(context && printTraceparent(context)).toBe(text);
  expect(parseTraceparent('')).toBeUndefined();
  expect(parseTraceparent(undefined)).toBeUndefined();
  expect(parseTraceparent('00-00000000000000000000000000000000-b7ad6b7169203331-01')).toBeUndefined();
});

/** The exporter imports modules late, which Jest's realm cannot: the traced process is one of its own. */
const tracedProcess = `
  const { transformFileSync } = require('@swc/core');
  const options = { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } };
  require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, options).code, file);
  const { startTracing } = require(${JSON.stringify(join(__dirname, 'tracing.ts'))});
  const tracing = startTracing('trial');
  const parent = tracing.start('allocator.allocate', { attributes: { role: 'web' } });
  const child = tracing.start('master.offer', { parent: parent.traceparent, kind: 'server' });
  child.end({ error: 'rescinded' });
  child.end();
  parent.end();
  const unsampled = tracing.start('not.' + 'recorded', { parent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' });
  unsampled.end();
  const told = [parent.traceparent, child.traceparent, unsampled.traceparent];
  tracing.shutdown().then(() => console.log(JSON.stringify(told)));
`;

test('with an endpoint, spans that name their parent arrive there in its trace', async () => {
  const bodies: Buffer[] = [];
  const collector: Server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => bodies.push(chunk));
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', tracedProcess], {
      cwd: __dirname,
      env: { PATH: process.env['PATH'], OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
    });
    const [parent, child, unsampled] = (JSON.parse(stdout) as string[]).map(parseTraceparent);
    expect(child?.traceId).toBe(parent?.traceId);
    expect(unsampled).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', traceFlags: 0 });
    const sent = Buffer.concat(bodies);
    expect(sent.includes('not.recorded')).toBe(false);
    for (const text of ['trial', 'allocator.allocate', 'master.offer', 'rescinded']) {
      expect(sent.includes(text)).toBe(true);
    }
    expect(sent.includes(Buffer.from(parent?.traceId ?? 'none', 'hex'))).toBe(true);
  } finally {
    await new Promise((resolve) => collector.close(resolve));
  }
});
