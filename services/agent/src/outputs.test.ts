import { execFileSync } from 'node:child_process';
import { lstat, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readFilePiece } from './sandbox/browse';
import { AgentBench } from './testdata/agent-bench';
import { containerInfo, dockerSuite, dockerTestMs, openDocker, socketPath } from './testdata/docker-place';

/** Only where the agent is root is it mightier than its tasks. */
const suite = process.getuid?.() === 0 ? describe : describe.skip;

let outside: string;
let victim: string;
beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), 'meseta-outside-'));
  victim = join(outside, 'victim');
  await writeFile(victim, 'root only\n', { mode: 0o600 });
});
afterEach(async () => {
  expect(await readFile(victim, 'utf8')).toBe('root only\n');
  await rm(outside, { recursive: true });
});

suite('a task that puts a link in the place of its output', () => {
  let bench: AgentBench;
  afterEach(() => bench.close());

  test('does not write through it, where it was fetched', async () => {
    bench = await AgentBench.open();
    const archive = join(outside, 'archive.tar');
    execFileSync('sh', [
      '-c',
      `cd ${outside} && ln -s ${victim} stdout && mkfifo stderr && tar -cf ${archive} stdout stderr`,
    ]);
    bench.master.launch('t1', 'echo more; echo wrong >&2', {
      command: { value: 'echo more; echo wrong >&2', arguments: [], uris: [{ value: archive }] },
    });
    await bench.master.untilState('t1', 'TASK_FINISHED');
    expect(await bench.output('t1', /more/)).toBe('more\n');
    expect(await bench.output('t1', /wrong/, ['stderr'])).toBe('wrong\n');
  });

  test('is not given what it leads to when long outputs are moved aside', async () => {
    bench = await AgentBench.open(['--log-size-max=1', '--disk-watch-interval=100ms']);
    await writeFile(victim, 'root only\n');
    const big = join(outside, 'big');
    await writeFile(big, 'x'.repeat(2_000_000), { mode: 0o600 });
    bench.master.launch(
      't1',
      `rm stdout; ln -s ${big} stdout; ln -s ${victim} stderr.1; head -c 1500000 /dev/zero >&2; exec sleep 300`,
    );
    // What was moved aside is in the place of the link.
    await untilFile(bench.sandbox('t1', 'stderr.1'));
    await expect(lstat(bench.sandbox('t1', 'stdout.1'))).rejects.toThrow('ENOENT');
    expect((await readFile(big, 'utf8')).length).toBe(2_000_000);
  });

  test('is no way to read what it leads to, and a pipe is no way to hold the agent up', async () => {
    bench = await AgentBench.open();
    bench.master.launch('t1', `mkfifo pipe; ln -s ${victim} link; echo ready; exec sleep 300`);
    await bench.output('t1', /ready/);
    const read = (path: string): Promise<unknown> => readFilePiece(bench.sandbox('t1'), path, 0, 100);
    await expect(read('link')).rejects.toThrow("path 'link' must lie in the sandbox");
    await expect(read('pipe')).rejects.toThrow("path 'pipe' must be a file");
  });
});

dockerSuite('a Docker container that puts a link in the place of its output', () => {
  const flags = ['--runtimes=process,docker', `--docker-socket=${socketPath}`];
  test(
    'writes nothing through it when its agent comes back',
    async () => {
      await openDocker();
      const bench = await AgentBench.open(flags);
      try {
        const program = `echo one; cd /mnt/mesos/sandbox; busybox rm stdout; busybox ln -s ${victim} stdout; echo >ready; while [ ! -e go ]; do sleep 0.1; done; echo two; exec sleep 300`;
        bench.master.launch('t1', program, { container: containerInfo() });
        await untilFile(bench.sandbox('t1', 'ready'));
        await bench.restart(flags);
        await writeFile(bench.sandbox('t1', 'go'), '');
        expect(await bench.output('t1', /two/)).toBe('one\ntwo\n');
      } finally {
        await bench.close();
      }
    },
    dockerTestMs,
  );
});

async function untilFile(path: string): Promise<void> {
  const isThere = () =>
    lstat(path).then(
      (found) => found.isFile(),
      () => false,
    );
  for (let tries = 0; !(await isThere()); tries++) {
    if (tries === 300) throw new Error(`never there: ${path}`);
    await pause(50);
  }
}
