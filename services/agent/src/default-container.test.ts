import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFailure } from '@meseta/model';
import { parseDefaultContainer } from './effects/default-container';
import { AgentBench } from './testdata/agent-bench';
import { taskInfo } from './testdata/fake-master';

describe('a container for all that bring none', () => {
  test.each([
    ['{', 'must be JSON'],
    ['[]', 'must be an object'],
    ['{"volumes": []}', 'type must be MESOS'],
    ['{"type": "DOCKER"}', 'type must be MESOS'],
    ['{"type": "MESOS", "docker": {}}', 'docker cannot be said for all'],
    ['{"type": "MESOS", "tty_info": {}}', 'tty_info cannot be said for all'],
    ['{"type": "MESOS", "volumes": [{"container_path": "x", "host_path": "../y"}]}', /^volume x: /],
  ])('G46: %s is refused', (text, rule) => {
    const read = parseDefaultContainer(text);
    expect(isFailure(read) ? read.message : 'accepted').toEqual(
      typeof rule === 'string' ? rule : expect.stringMatching(rule),
    );
  });

  test('G46: a network that is not there keeps the agent from starting', async () => {
    const flag = '--default-container-info={"type":"MESOS","network_infos":[{"name":"no-such"}]}';
    await expect(AgentBench.open([flag])).rejects.toThrow(/--default-container-info: .*network/);
  });

  const asRoot = process.getuid?.() === 0 && !__dirname.startsWith('/tmp/') ? test : test.skip;
  asRoot(
    'G46: a task without a container finds what is said for all, and one with its own does not',
    async () => {
      const data = await mkdtemp(join(tmpdir(), 'meseta-data-'));
      await writeFile(join(data, 'file'), 'for all\n');
      const volumes = [{ container_path: 'data', host_path: data, mode: 'RO' }];
      const bench = await AgentBench.open([
        `--default-container-info=${JSON.stringify({ type: 'MESOS', volumes })}`,
      ]);
      try {
        const { master } = bench;
        const command = 'cat data/file || echo nothing; echo done';
        master.launch('without', command);
        const container = { type: 'MESOS', volumes: [], networkInfos: [] } as never;
        master.launch('with', command, taskInfo('with', command, { container }));
        expect(await bench.output('without', /done/)).toBe('for all\ndone\n');
        expect(await bench.output('with', /done/)).toBe('nothing\ndone\n');
      } finally {
        await bench.close();
        await rm(data, { recursive: true });
      }
    },
  );
});
