import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { AgentBench } from '../testdata/agent-bench';
import { modeText } from './http-files';

describe('files over HTTP', () => {
  let bench: AgentBench;
  const runs = '/frameworks/framework/executors/t1/runs/latest';
  beforeAll(async () => {
    bench = await AgentBench.open();
    bench.master.launch(
      't1',
      'echo one; echo two; mkdir sub; echo inside > sub/file; echo ready; exec sleep 300',
    );
    await bench.output('t1', /ready/);
    await bench.master.untilState('t1', 'TASK_RUNNING');
  });
  afterAll(() => bench.close());

  const get = (name: string, query: Record<string, string>): Promise<Response> =>
    fetch(`http://${bench.agent.http}/files/${name}?${new URLSearchParams(query).toString()}`);

  test('a sandbox is browsed by its virtual path and by its real one', async () => {
    for (const path of [runs, `${runs}/`, bench.sandbox('t1')]) {
      const files = (await (await get('browse', { path })).json()) as { path: string }[];
      const folder = path.replace(/\/$/, '');
      expect(files.map((file) => file.path)).toEqual(
        ['stderr', 'stdout', 'sub'].map((name) => `${folder}/${name}`),
      );
      expect(files[1]).toMatchObject({ size: 14, mode: '-rw-r--r--', mtime: expect.any(Number) });
    }
    const inner = (await (await get('browse', { path: `${runs}/sub` })).json()) as { path: string }[];
    expect(inner).toMatchObject([{ path: `${runs}/sub/file`, size: 7 }]);
  });

  test('a file is read in pieces, and its length is told at -1', async () => {
    const read = async (query: Record<string, string>): Promise<unknown> =>
      (await get('read', { path: `${runs}/stdout`, ...query })).json();
    expect(await read({})).toEqual({ offset: 14, data: '' });
    expect(await read({ offset: '4', length: '3' })).toEqual({ offset: 4, data: 'two' });
    expect(await read({ offset: '100' })).toEqual({ offset: 100, data: '' });
    await writeFile(bench.sandbox('t1', 'long'), Buffer.alloc(100_000, 'x'));
    const piece = (await (
      await get('read', { path: `${runs}/long`, offset: '0', length: '90000' })
    ).json()) as {
      data: string;
    };
    expect(piece.data).toHaveLength(64 * 1024);
  });

  test('a file is downloaded whole, as a file', async () => {
    const answer = await get('download', { path: `${runs}/long` });
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="long"');
    expect((await answer.arrayBuffer()).byteLength).toBe(100_000);
  });

  test('a download follows a file until its task has ended', async () => {
    const answer = await get('download', { path: `${runs}/stdout`, follow: 'true' });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe('one\ntwo\nready\n');
    await writeFile(bench.sandbox('t1', 'stdout'), 'three\n', { flag: 'a' });
    expect((await reader?.read())?.value).toBe('three\n');
    bench.master.kill('t1', 0);
    expect((await reader?.read())?.done).toBe(true);
  });

  test('nothing outside a sandbox is found, whatever the path', async () => {
    await mkdir(bench.sandbox('t1', 'deep'));
    await symlink(bench.workDir, bench.sandbox('t1', 'deep', 'out'));
    for (const [path, status, text] of [
      [`${runs}/deep/out`, 403, "path 'deep/out' must lie in the sandbox\n"],
      [`${runs}/../../../../../../..`, 403, "path '../../../../../../..' must lie in the sandbox\n"],
      ['/frameworks/../executors/t1/runs/latest', 404, undefined],
      ['/frameworks/framework/executors/t1/runs/..', 404, undefined],
      ['/frameworks/framework/executors/t1/runs/latest/none', 404, "'none' does not exist on this agent\n"],
      ['/etc/passwd', 404, "'/etc/passwd' is not in a sandbox of this agent\n"],
      ['', 400, 'path must be set\n'],
    ] as const) {
      for (const name of ['browse', 'read', 'download']) {
        const answer = await get(name, { path, offset: '0' });
        expect([path, answer.status]).toEqual([path, status]);
        if (text !== undefined) expect(await answer.text()).toBe(text);
      }
    }
    const folder = await get('download', { path: runs });
    expect([folder.status, await folder.text()]).toEqual([400, "path '' must be a file\n"]);
    const bad = await get('read', { path: `${runs}/stdout`, offset: 'far' });
    expect([bad.status, await bad.text()]).toEqual([400, 'offset must be a whole number\n']);
  });
});

test.each([
  [0o100644, '-rw-r--r--'],
  [0o040750, 'drwxr-x---'],
  [0o120777, 'lrwxrwxrwx'],
  [0o010600, 'prw-------'],
])('mode %o is %s', (mode, text) => {
  expect(modeText(mode)).toBe(text);
});
