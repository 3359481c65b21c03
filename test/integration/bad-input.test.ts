import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { Rig, freePort, meseta, operatorOf, repository, run } from './harness';
import { connect } from '@meseta/sdk';

/** Starts a service that should refuse; returns its exit status and all that it wrote to stderr. */
async function refused(
  service: string,
  args: readonly string[],
): Promise<{ code: number | null; lines: readonly string[] }> {
  const { code, stderr } = await run(process.execPath, [
    join(repository, 'services', service, 'dist/main.js'),
    ...args,
  ]);
  return { code, lines: stderr.split('\n').filter((line) => line !== '') };
}

/** Changes one entry of a database that nobody has open; what is returned puts it back, and tells what was there until then. */
async function changeDatabase(
  path: string,
  name: string | undefined,
  encoding: 'json' | 'msgpack',
  key: string,
  change: (before: unknown) => unknown,
): Promise<() => Promise<unknown>> {
  const edit = async (edited: (before: unknown) => unknown): Promise<unknown> => {
    const root = open({ path, maxDbs: 4, encoding: 'msgpack', noSubdir: false });
    const database = name === undefined ? root : root.openDB({ name, encoding });
    const before: unknown = database.get(key);
    await database.put(key, edited(before));
    await root.close();
    return before;
  };
  const before = await edit(change);
  return () => edit(() => before);
}

describe('bad input gets one line that names the field and the rule', () => {
  const rig = new Rig();
  afterAll(() => rig.stop());

  test.each([
    ['an unknown flag', 'master', ['--prot', '1'], /--prot.*--port/],
    ['a port that is none', 'allocator', ['--port', '70000'], /--port/],
    ['a duration that is none', 'master', ['--offer-timeout', 'soon'], /--offer-timeout/],
    [
      'relations between options',
      'master',
      ['--agent-ping-timeout', '1m', '--agent-reregister-timeout', '2s'],
      /--agent-reregister-timeout.*--agent-ping-timeout/,
    ],
    [
      'an address that is not of this machine alone',
      'allocator',
      ['--host', '0.0.0.0', '--port', '0', '--http-port', '0'],
      /0\.0\.0\.0.*--insecure/,
    ],
    [
      'a place that is none',
      'agent',
      ['--master', '127.0.0.1:1', '--work-dir', '/tmp/none', '--domain', 'eu'],
      /--domain.*region\/zone.*eu/,
    ],
    ['half of a rule about places', 'master', ['--require-agent-domain'], /--require-agent-domain.*--domain/],
    [
      'malformed resources',
      'agent',
      ['--master', '127.0.0.1:1', '--work-dir', '/tmp/none', '--resources', 'cpus=4'],
      /--?resources.*cpus=4/,
    ],
    [
      'malformed attributes',
      'agent',
      ['--master', '127.0.0.1:1', '--work-dir', '/tmp/none', '--attributes', 'rack'],
      /attributes.*rack/,
    ],
    ['a required option that is missing', 'agent', ['--master', '127.0.0.1:1'], /--work-dir/],
    [
      'an unreachable etcd',
      'registry',
      ['--port', '0', '--http-port', '0', '--etcd', '127.0.0.1:1'],
      /etcd.*127\.0\.0\.1:1/,
    ],
  ])(
    '%s',
    async (_what, service, args, line) => {
      const { code, lines } = await refused(service, args);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(line);
      expect(code).not.toBe(0);
    },
    30_000,
  );

  test('a port in use', async () => {
    const first = await rig.start('allocator', []);
    const port = first.grpc.slice(first.grpc.lastIndexOf(':') + 1);
    const { code, lines } = await refused('allocator', ['--port', port, '--http-port', '0']);
    expect([code === 0, lines]).toEqual([
      false,
      [expect.stringMatching(new RegExp(`port ${port}.*in use.*--port`))],
    ]);
  }, 30_000);

  test('a work directory of another cluster, or one that is no directory', async () => {
    const data = join(rig.folder, 'data');
    const first = await rig.start('registry', [
      '--store',
      'embedded',
      '--data-dir',
      data,
      '--cluster',
      'one',
    ]);
    await first.stop();
    const other = await refused('registry', [
      '--store',
      'embedded',
      '--data-dir',
      data,
      '--cluster',
      'two',
      '--port',
      '0',
      '--http-port',
      '0',
    ]);
    expect(other.lines).toEqual([expect.stringMatching(/one.*two|two.*one/)]);
    const file = join(rig.folder, 'file');
    writeFileSync(file, '');
    const agent = await refused('agent', [
      '--master',
      '127.0.0.1:1',
      '--work-dir',
      file,
      '--port',
      '0',
      '--http-port',
      '0',
    ]);
    expect(agent.lines).toEqual([expect.stringContaining(file)]);
  }, 30_000);

  describe('a directory of another version is refused, and left as it is', () => {
    const versions = [
      ['newer', 99, /was written by a newer version, in format 99 where this one reads 1/],
      ['older', 0, /was written by an older version, in format 0 where this one reads 1/],
    ] as const;
    const anyPorts = ['--port', '0', '--http-port', '0'];

    test.each(versions)(
      'of the registry, %s',
      async (name, format, message) => {
        const data = join(rig.folder, `registry-${name}`);
        const args = ['--store', 'embedded', '--data-dir', data];
        await (await rig.start('registry', args)).stop();
        const restore = await changeDatabase(data, 'facts', 'json', 'format', () => format);
        const { code, lines } = await refused('registry', [...args, ...anyPorts]);
        expect([code === 0, lines]).toEqual([false, [expect.stringMatching(message)]]);
        expect(lines[0]).toContain(data);
        expect(await restore()).toBe(format);
        await (await rig.start('registry', args)).stop();
      },
      60_000,
    );

    test.each(versions)(
      'of an agent, %s',
      async (name, format, message) => {
        const master = await rig.smallest();
        const workDir = join(rig.folder, `agent-${name}`);
        const args = ['--master', master.grpc, '--work-dir', workDir, '--resources', 'cpus:1;mem:64'];
        await (await rig.start('agent', [...args, '--runtimes', 'fake'])).stop();
        const state = join(workDir, 'meta/state');
        const restore = await changeDatabase(state, undefined, 'msgpack', 'agent', (agent) => ({
          ...(agent as object),
          format,
        }));
        const { code, lines } = await refused('agent', [...args, ...anyPorts]);
        expect([code === 0, lines]).toEqual([false, [expect.stringMatching(message)]]);
        expect(lines[0]).toContain(workDir);
        expect(await restore()).toMatchObject({ format });
        await (await rig.start('agent', [...args, '--runtimes', 'fake'])).stop();
      },
      60_000,
    );
  });

  test('the command line says what is wrong and fails', async () => {
    const port = await freePort();
    const away = await meseta(['tasks', '--master', `127.0.0.1:${port}`]);
    expect([away.code === 0, away.stderr]).toEqual([
      false,
      expect.stringContaining(`no leader at 127.0.0.1:${port}`),
    ]);
    const typo = await meseta(['taks']);
    expect([typo.code === 0, typo.stderr]).toEqual([false, expect.stringMatching(/taks[\s\S]*tasks/)]);
  }, 60_000);

  test('a task that breaks a rule is an error and leaves nothing behind', async () => {
    const master = await rig.smallest();
    const scheduler = await connect({ master: master.grpc, framework: { name: 'wrong', role: 'test' } });
    for await (const offer of scheduler.offers()) {
      const [wrong] = await offer.launch([
        {
          name: 'wrong',
          id: 'wrong',
          command: 'true',
          resources: 'cpus:1;mem:64',
          info: { killPolicy: { gracePeriod: { nanoseconds: -1n } } },
        },
      ]);
      await wrong?.finished();
      expect([wrong?.state, wrong?.last?.message]).toEqual([
        'TASK_ERROR',
        'kill_policy.grace_period must not be negative',
      ]);
      break;
    }
    const operator = operatorOf(master.grpc);
    expect((await operator.tasks())?.tasks).toEqual([]);
    expect((await operator.agents()).agents?.agents[0]?.allocatedResources).toEqual([]);
    operator.close();
    await scheduler.teardown();
  }, 60_000);
});
