import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, readConfig, systemTimers } from '@meseta/kit';
import { agentService } from '../config';
import { createRuntimes } from './create';

describe('the runtimes of an agent', () => {
  let workDir: string;
  beforeEach(async () => {
    workDir = await mkdtemp(join(tmpdir(), 'meseta-runtimes-'));
  });
  afterEach(() => rm(workDir, { recursive: true, force: true }));

  const create = (...flags: string[]) => {
    const argv = ['--master=localhost:1', '--work-dir', workDir, '--isolate-processes=false', ...flags];
    return createRuntimes({
      config: readConfig(agentService, argv, {}),
      onEnd: () => undefined,
      onNetworkCommand: () => undefined,
      log: createLogger('agent', 'silent'),
      timers: systemTimers,
    });
  };
  const noDaemon = '--docker-socket=/no/such/socket';

  test('without a daemon there is no Docker, and where it was asked for no agent', async () => {
    const runtimes = await create(noDaemon);
    expect([...runtimes.keys()]).toEqual(['process']);
    for (const runtime of runtimes.values()) await runtime.close();
    await expect(create(noDaemon, '--runtimes=docker')).rejects.toThrow(
      /^no Docker daemon at \/no\/such\/socket: [^\n]*ENOENT[^\n]* \(--runtimes\)$/,
    );
  });

  test('credentials that cannot be read are told, whether Docker was asked for or not', async () => {
    await expect(create(noDaemon, '--docker-config=/no/such/config.json')).rejects.toThrow(
      'cannot read /no/such/config.json: ENOENT (--docker-config)',
    );
    await expect(create(noDaemon, '--docker-config={"auths":1}')).rejects.toThrow(
      'the configuration of Docker must have an object as auths (--docker-config)',
    );
  });
});
