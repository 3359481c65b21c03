import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandInfo_URI } from '@meseta/protocol';
import { FtpServer } from '../testdata/ftp-server';
import { FetchCache } from './cache';
import { Fetcher } from './fetcher';

describe('what a command has fetched', () => {
  let root: string;
  let sandbox: string;
  let server: Server;
  let base: string;
  let cache: FetchCache;
  let asked: string[];
  let answer: (path: string, response: ServerResponse) => void;
  const outcomes: string[] = [];
  const never = new AbortController().signal;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'meseta-fetch-'));
    sandbox = join(root, 'work', 'sandbox');
    await mkdir(sandbox, { recursive: true });
    asked = [];
    answer = (path, response) => response.end(`content of ${path}`);
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      answer(request.url ?? '', response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    cache = new FetchCache(join(root, 'cache'), 100);
    await cache.open();
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await rm(root, { recursive: true, force: true });
  });

  const fetcher = ({ stallMs = 5_000, frameworksHome = '' } = {}) =>
    new Fetcher({
      workDir: join(root, 'work'),
      cache,
      stallMs,
      frameworksHome: frameworksHome || undefined,
      onFetched: (outcome) => outcomes.push(outcome),
    });
  const fetch = (...uris: Partial<CommandInfo_URI>[]) =>
    fetcher().fetch(uris, { sandbox, user: undefined, signal: never });
  const read = (path: string) => readFile(join(sandbox, path), 'utf8');
  const serve = (path: string) => {
    answer = (_, response) => {
      void readFile(path).then((bytes) => response.end(bytes));
    };
  };

  test('a file, under its own name or another, executable if that is wanted', async () => {
    await fetch(
      { value: `${base}/a/tool` },
      { value: `${base}/b?x=1`, outputFile: 'sub/other', executable: true },
    );
    expect(await read('tool')).toBe('content of /a/tool');
    expect((await stat(join(sandbox, 'sub/other'))).mode & 0o777).toBe(0o755);
  });

  describe('by FTP', () => {
    const contents = { '/pub/tool': 'x'.repeat(100_000), '/pub/a b': 'spaced' };
    let ftp: FtpServer;
    const start = async (options = {}): Promise<string> => {
      ftp = await FtpServer.start(contents, options);
      return `127.0.0.1:${ftp.port}`;
    };
    afterEach(() => ftp.close());

    test('G79: a file, of anybody’s or of whoever the URI says', async () => {
      const host = await start();
      await fetch(
        { value: `ftp://${host}/pub/tool`, executable: true },
        { value: `ftp://ann:s%20m@${host}/pub/a%20b` },
      );
      expect(await read('tool')).toBe(contents['/pub/tool']);
      expect((await stat(join(sandbox, 'tool'))).mode & 0o777).toBe(0o755);
      expect(await read('a b')).toBe('spaced');
      expect(ftp.said.filter((line) => /^(USER|PASS)/.test(line))).toEqual([
        ...['USER anonymous', 'PASS guest'],
        ...['USER ann', 'PASS s m'],
      ]);
    });

    test('what cannot be had is told', async () => {
      const host = await start();
      await expect(fetch({ value: `ftp://${host}/pub/missing` })).rejects.toThrow(
        `URI 'ftp://${host}/pub/missing' could not be had: 550 no such file`,
      );
      await expect(fetch({ value: `ftp://ann:wrong@${host}/pub/tool` })).rejects.toThrow(
        'could not be had: 530 no',
      );
    });

    test('a server that sends nothing any more is not waited for, nor one that nobody wants to hear', async () => {
      const host = await start({ stalls: true });
      const uri = { value: `ftp://${host}/pub/tool` };
      await expect(
        fetcher({ stallMs: 200 }).fetch([uri], { sandbox, user: undefined, signal: never }),
      ).rejects.toThrow('did not come: nothing for 200 ms');
      const drop = new AbortController();
      const fetched = fetcher().fetch([uri], { sandbox, user: undefined, signal: drop.signal });
      setTimeout(() => drop.abort(), 100);
      await expect(fetched).rejects.toThrow('is not wanted any more');
    });
  });

  test.each([
    ['x.tar', ['-cf']],
    ['x.tar.gz', ['-czf']],
    ['x.tgz', ['-czf']],
    ['x.tar.bz2', ['-cjf']],
    ['x.tar.xz', ['-cJf']],
  ])('%s is unpacked where it lies, and stays', async (name, flags) => {
    await writeFile(join(root, 'inner'), 'hello');
    execFileSync('tar', [...flags, join(root, name), '-C', root, 'inner']);
    serve(join(root, name));
    await fetch({ value: `${base}/${name}` });
    expect(await read('inner')).toBe('hello');
    await stat(join(sandbox, name));
  });

  test.each([
    ['gzip', 'x.gz'],
    ['bzip2', 'x.bz2'],
    ['xz', 'x.xz'],
  ])('one file packed with %s is unpacked', async (program, name) => {
    await writeFile(join(root, 'x'), 'hello');
    execFileSync(program, ['-k', join(root, 'x')]);
    serve(join(root, name));
    await fetch({ value: `${base}/${name}` });
    expect(await read('x')).toBe('hello');
  });

  test('a zip is unpacked, and one that leads out of the sandbox is not', async () => {
    await writeFile(join(root, 'inner'), 'hello');
    const zip = (name: string, entry: string) =>
      execFileSync('python3', [
        '-c',
        'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1], "w"); z.writestr(sys.argv[2], "hello")',
        join(root, name),
        entry,
      ]);
    zip('good.zip', 'inner');
    serve(join(root, 'good.zip'));
    await fetch({ value: `${base}/good.zip` });
    expect(await read('inner')).toBe('hello');
    zip('bad.zip', '../../escaped');
    serve(join(root, 'bad.zip'));
    await expect(fetch({ value: `${base}/bad.zip` })).rejects.toThrow(
      "holds '../../escaped', which leads out of the sandbox",
    );
  });

  test('a tar that leads out of the sandbox is not unpacked', async () => {
    await writeFile(join(root, 'victim'), 'old');
    await mkdir(join(root, 'a/b'), { recursive: true });
    execFileSync('tar', ['-cPf', join(root, 'bad.tar'), '../../victim'], { cwd: join(root, 'a/b') });
    serve(join(root, 'bad.tar'));
    await expect(fetch({ value: `${base}/bad.tar` })).rejects.toThrow('leads out of the sandbox');
    await expect(stat(join(sandbox, 'victim'))).rejects.toThrow('ENOENT');
  });

  describe('a link that an archive brings is no way out for what comes after it', () => {
    beforeEach(async () => {
      await mkdir(join(root, 'outside'));
      await writeFile(join(root, 'outside/victim'), 'old');
      const make = (name: string, before: string, ...members: string[]): void => {
        const folder = join(root, `make-${name}`);
        execFileSync('sh', ['-c', `mkdir -p ${folder} && cd ${folder} && ${before}`]);
        execFileSync('tar', ['-cf', join(root, `${name}.tar`), ...members], { cwd: folder });
      };
      make(
        'link',
        `ln -s ${join(root, 'outside')} way && ln -s ${join(root, 'outside/victim')} file`,
        'way',
        'file',
      );
      make('through', 'mkdir way && echo new > way/victim', 'way/victim');
      make('over', 'echo new > file', 'file');
      make('hard', 'mkdir way && echo new > way/victim && ln way/victim mine', 'way/victim', 'mine');
      // Without the file that the hard link stands for.
      execFileSync('tar', ['--delete', '-f', join(root, 'hard.tar'), 'way/victim']);
      answer = (path, response) => {
        void readFile(join(root, path)).then((bytes) => response.end(bytes));
      };
    });
    afterEach(async () => {
      expect(await readFile(join(root, 'outside/victim'), 'utf8')).toBe('old');
      expect(await readdir(join(root, 'outside'))).toEqual(['victim']);
      expect((await stat(join(root, 'outside/victim'))).nlink).toBe(1);
    });

    test.each([
      ['through.tar', "holds 'way/victim', which is to be written through the link 'way'"],
      ['hard.tar', "holds 'way/victim', which is to be written through the link 'way'"],
    ])('%s', async (name, message) => {
      await expect(fetch({ value: `${base}/link.tar` }, { value: `${base}/${name}` })).rejects.toThrow(
        message,
      );
    });

    test('a file of the same name takes its place', async () => {
      await fetch({ value: `${base}/link.tar` }, { value: `${base}/over.tar` });
      expect(await read('file')).toBe('new\n');
      expect((await lstat(join(sandbox, 'file'))).isFile()).toBe(true);
    });

    test('a file by its output_file', async () => {
      const output = (outputFile: string) => [
        { value: `${base}/link.tar` },
        { value: `${base}/over.tar`, extract: false, outputFile },
      ];
      await expect(fetch(...output('way/victim'))).rejects.toThrow("is to be written through the link 'way'");
      // In the place of a link, and not through it.
      await fetch(...output('file'));
      expect((await lstat(join(sandbox, 'file'))).isFile()).toBe(true);
    });
  });

  test('what is not to be unpacked is not', async () => {
    await fetch({ value: `${base}/x.tar`, extract: false }, { value: `${base}/y.tar`, executable: true });
    expect(await read('x.tar')).toBe('content of /x.tar');
  });

  test('a checksum is kept to', async () => {
    const sha256 = createHash('sha256').update('content of /tool').digest('hex');
    await fetch({ value: `${base}/tool#sha256=${sha256}` });
    await expect(fetch({ value: `${base}/other#sha256=${sha256}` })).rejects.toThrow(
      /^URI '.*other' has the checksum/,
    );
  });

  test('G76: those who want the same at once share one download, and the next need none', async () => {
    const held: ServerResponse[] = [];
    answer = (_, response) => held.push(response);
    const uri = { value: `${base}/big`, cache: true, outputFile: 'big' };
    const both = Promise.all([fetch(uri), fetch(uri)]);
    while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    held[0]?.end('x'.repeat(60));
    await both;
    await fetch(uri);
    expect(asked).toEqual(['/big']);
    // Another as large does not fit beside it: the older goes.
    answer = (_, response) => response.end('y'.repeat(60));
    await fetch({ value: `${base}/second`, cache: true });
    expect(cache.bytes).toBe(60);
    await fetch({ ...uri });
    expect(asked).toEqual(['/big', '/second', '/big']);
  });

  test('a download that failed is tried anew by the next', async () => {
    answer = (_, response) => response.writeHead(503).end();
    const uri = { value: `${base}/flaky`, cache: true };
    await expect(fetch(uri)).rejects.toThrow("flaky' was answered with 503");
    answer = (_, response) => response.end('well');
    await fetch(uri);
    expect(await read('flaky')).toBe('well');
  });

  test('G77: a server that stops sending is given up', async () => {
    answer = (_, response) => response.write('some');
    await expect(
      fetcher({ stallMs: 100 }).fetch([{ value: `${base}/slow` }], {
        sandbox,
        user: undefined,
        signal: never,
      }),
    ).rejects.toThrow("slow' did not come: nothing for 100 ms");
  });

  test('files of the machine, but none of the agent’s own', async () => {
    await writeFile(join(root, 'local'), 'here');
    await writeFile(join(root, 'work', 'secret'), 'the agent’s');
    await fetch(
      { value: `file://${join(root, 'local')}` },
      { value: join(root, 'local'), outputFile: 'again' },
    );
    expect(await read('again')).toBe('here');
    await expect(fetch({ value: join(root, 'work', 'secret') })).rejects.toThrow(
      'is in the agent’s work directory',
    );
    await expect(fetch({ value: '/no/such/file' })).rejects.toThrow("URI '/no/such/file' cannot be read");
  });

  test('G78: a relative path is in the home of frameworks, if there is one', async () => {
    await mkdir(join(root, 'home/tools'), { recursive: true });
    await writeFile(join(root, 'home/tools/tool'), 'mine');
    const target = { sandbox, user: undefined, signal: never };
    await fetcher({ frameworksHome: join(root, 'home') }).fetch([{ value: 'tools/tool' }], target);
    expect(await read('tool')).toBe('mine');
    await expect(fetch({ value: 'tools/tool' })).rejects.toThrow(
      "URI 'tools/tool' is relative, and this agent has no --frameworks-home",
    );
  });

  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  asRoot('a file of the machine is read as the task’s user', async () => {
    await writeFile(join(root, 'private'), 'root only', { mode: 0o600 });
    await expect(
      fetcher().fetch([{ value: join(root, 'private') }], { sandbox, user: 'nobody', signal: never }),
    ).rejects.toThrow('cannot be read');
    await fetcher().fetch([{ value: `${base}/mine` }], { sandbox, user: 'nobody', signal: never });
    expect((await stat(join(sandbox, 'mine'))).uid).toBe(65534);
  });

  test.each([
    [{ value: '' }, 'must be set'],
    [
      { value: 'gopher://x/y' },
      'must be of http, https, ftp, ftps or file, or a path that stays where it begins',
    ],
    [{ value: '../x' }, 'must be of http, https, ftp, ftps or file, or a path that stays where it begins'],
    [{ value: 'http://x/y', outputFile: '../y' }, 'must have an output_file within the sandbox'],
    [{ value: 'http://x/' }, 'must have an output_file within the sandbox'],
    [{ value: 'http://x/y#sha256=12' }, 'must have a checksum of 64 hex digits'],
  ])('%j is refused', async (uri, rule) => {
    await expect(fetch(uri)).rejects.toThrow(rule);
  });
});
