import { Writable } from 'node:stream';
import { createLogger } from './log';

test('a line is JSON with an ISO time and the service, and hides credentials', () => {
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => (lines.push(chunk.toString()), done()),
  });
  const log = createLogger('trial', 'info', stream).child({ traceId: 'abc' });
  log.info({ agentId: 'A1', token: 'hush' }, 'agent registered');
  log.debug('not shown');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
    service: 'trial',
    traceId: 'abc',
    agentId: 'A1',
    token: '[hidden]',
    msg: 'agent registered',
  });
});
