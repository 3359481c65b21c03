import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, type Timers } from '@meseta/kit';
import { Whitelist, hostnamesOf } from './whitelist';

test('a name a line; comments and empty lines are passed over', () => {
  expect([...hostnamesOf('# ours\nhost-1\n\n  host-2 \n')]).toEqual(['host-1', 'host-2']);
});

test('the file is read again, and told of when it has changed; a file that is gone changes nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'meseta-whitelist-'));
  const path = join(folder, 'hosts');
  const told: string[][] = [];
  let next: (() => void) | undefined;
  const timers: Timers = {
    after: (_ms, fn) => {
      next = fn;
      return () => undefined;
    },
  };
  const whitelist = new Whitelist({
    path,
    timers,
    log: createLogger('test', 'silent'),
    onChanged: (hostnames) => told.push([...hostnames]),
  });
  const read = async (): Promise<void> => {
    const before = next;
    before?.();
    while (next === before) await new Promise(setImmediate);
  };
  try {
    await writeFile(path, 'host-1\n');
    await whitelist.start();
    await read();
    await writeFile(path, 'host-1\nhost-2\n');
    await read();
    await rm(path);
    await read();
    expect(told).toEqual([['host-1'], ['host-1', 'host-2']]);
    expect([...(whitelist.hostnames ?? [])]).toEqual(['host-1', 'host-2']);
  } finally {
    whitelist.close();
    await rm(folder, { recursive: true });
  }
});
