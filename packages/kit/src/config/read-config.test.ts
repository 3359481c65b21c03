import { commonOptions } from './common-options';
import { isConfigExit } from './config-exit';
import { readConfig } from './read-config';
import { renderOptions } from './render-options';

const service = {
  name: 'demo',
  summary: 'Shows how options are read.',
  options: {
    ...commonOptions,
    port: { ...commonOptions.port, default: 5060 },
    pingTimeout: { kind: 'duration', default: '15s', min: 100, help: 'How long a ping may take.' },
    pings: { kind: 'integer', default: 5, min: 1, max: 100, help: 'How many pings may be missed.' },
    workDir: { kind: 'path', help: 'Where things are kept.' },
    runtimes: { kind: 'list', default: ['process'], choices: ['process', 'docker'], help: 'How tasks run.' },
    master: { kind: 'addresses', help: 'Where the masters are.' },
    secret: { kind: 'string', secret: true, help: 'A token.' },
  },
} as const;

function read(argv: readonly string[], env: Record<string, string> = {}) {
  return readConfig(service, argv, env);
}

function exitOf(argv: readonly string[], env: Record<string, string> = {}): { code: number; text: string } {
  try {
    read(argv, env);
  } catch (error) {
    if (isConfigExit(error)) return { code: error.code, text: error.text };
    throw error;
  }
  throw new Error('read without complaint');
}

test('defaults are typed and compiled: durations are milliseconds', () => {
  const config = read([]);
  expect(config).toMatchObject({ host: '127.0.0.1', port: 5060, pingTimeout: 15_000, insecure: false });
  const port: number = config.port;
  const workDir: string | undefined = config.workDir;
  expect([port, workDir]).toEqual([5060, undefined]);
});

test('a flag beats the environment, which beats the default; an empty variable counts as unset', () => {
  expect(read(['--port', '7000'], { MESETA_PORT: '6000' }).port).toBe(7000);
  expect(read([], { MESETA_PORT: '6000' }).port).toBe(6000);
  expect(read([], { MESETA_PORT: '' }).port).toBe(5060);
});

test('flags are the key in kebab case, with = or a space; lists take commas and repetition', () => {
  expect(read(['--ping-timeout=250ms', '--runtimes', 'docker', '--runtimes=process']).runtimes).toEqual([
    'docker',
    'process',
  ]);
  expect(read(['--master', 'a:1,b:2']).master).toEqual(['a:1', 'b:2']);
});

test('a boolean is given alone, with a value, negated, or by its variable', () => {
  expect(read(['--insecure']).insecure).toBe(true);
  expect(read(['--insecure=false']).insecure).toBe(false);
  expect(read(['--no-insecure'], { MESETA_INSECURE: '1' }).insecure).toBe(false);
  expect(read([], { MESETA_INSECURE: 'true' }).insecure).toBe(true);
});

test.each([
  [['--prot', '1'], "unknown option '--prot' (did you mean --port?)"],
  [['--port', 'many'], '--port must be a port from 0 to 65535 (0 is any free one), not "many"'],
  [['--port', '70000'], '--port must be a port from 0 to 65535 (0 is any free one), not "70000"'],
  [['--pings', '0'], '--pings must be at least 1, not "0"'],
  [['--ping-timeout', '5x'], '--ping-timeout must be a duration such as 500ms, 15s, 5m or 1h, not "5x"'],
  [['--runtimes', 'rkt'], '--runtimes must be process or docker, not "rkt"'],
  [['--master', 'a'], '--master must be host:port[,host:port…], not "a"'],
  [
    ['--log-level', 'loud'],
    '--log-level must be trace, debug, info, warn, error, fatal or silent, not "loud"',
  ],
  [['stray'], 'too many arguments. Expected 0 arguments but got 1.'],
])('%j is refused in one line', (argv, text) => {
  expect(exitOf(argv)).toEqual({ code: 2, text });
});

test('a wrong variable is named as the variable it is', () => {
  expect(exitOf([], { MESETA_PINGS: 'x' }).text).toBe('MESETA_PINGS must be a whole number, not "x"');
});

test('a required option that is missing names its flag and its variable', () => {
  const demanding = {
    name: 'x',
    summary: '',
    options: { master: { kind: 'address', required: true, help: '' } },
  };
  expect(() => readConfig(demanding as never, [], {})).toThrow('--master is required (or MESETA_MASTER)');
});

test('relations between options are checked', () => {
  const related = { ...service, relations: () => '--pings must fit into --ping-timeout' };
  expect(() => readConfig(related, [], {})).toThrow('--pings must fit into --ping-timeout');
});

test('help and version end with code 0', () => {
  expect(exitOf(['--help'])).toMatchObject({
    code: 0,
    text: expect.stringContaining('--ping-timeout <duration>') as string,
  });
  expect(exitOf(['--version'])).toMatchObject({
    code: 0,
    text: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
  });
});

test('the documentation is printed from the same table', () => {
  expect(renderOptions(service)).toContain(
    '| `--ping-timeout` | `MESETA_PING_TIMEOUT` | a duration such as 500ms, 15s, 5m or 1h | `15s` | How long a ping may take. |',
  );
});
