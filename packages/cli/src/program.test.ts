import type { GrpcServer } from '@meseta/kit';
import { isFailure, Resources } from '@meseta/model';
import { DrainState, resourcesToProto, Volume_Mode, type Resource } from '@meseta/protocol';
import { until } from '../../sdk/src/testdata/until';
import { runCli } from './program';
import { FakeContext } from './testdata/fake-context';
import { FakeOperator, serve } from './testdata/fake-operator';

/** Where no master is. */
const nobody = '127.0.0.1:1';

let operator: FakeOperator;
let servers: GrpcServer[];
let master: string;

beforeEach(async () => {
  operator = new FakeOperator();
  servers = [await serve([operator.operatorService()]), await serve([operator.agentService()])];
  master = servers[0]?.address ?? '';
  operator.agentAddress = servers[1]?.address ?? '';
});

afterEach(() => Promise.all(servers.map((server) => server.close(0))));

async function meseta(...argv: string[]): Promise<{ exit: number; out: string; err: string }> {
  // Where nobody answers, a test need not wait for long; where a master answers late, it must.
  const timeoutMs = argv.includes(nobody) ? 300 : undefined;
  const context = new FakeContext({ MESETA_MASTER: master }, timeoutMs);
  const exit = await runCli(argv, context);
  return { exit, out: context.stdout, err: context.stderr };
}

/** What a command prints that succeeds. */
async function printed(...argv: string[]): Promise<string> {
  const { exit, out, err } = await meseta(...argv);
  expect([exit, err]).toEqual([0, '']);
  return out;
}

test('tasks', async () => {
  const { exit, out } = await meseta('tasks');
  expect(exit).toBe(0);
  expect(`\n${out}`).toBe(`
ID        NAME  STATE    FRAMEWORK  HOST    RESOURCES        SINCE
web-1a2b  web   RUNNING  marathon   host-1  cpus:0.5;mem:64  1m30s
web-3c4d  web   STAGING  marathon   host-2  cpus:0.5;mem:64  1m30s
`);
  expect(await printed('tasks', '--all')).toContain('batch-9   sort  FAILED   sorter     host-1');
  expect((await meseta('tasks', '-f', 'mara')).exit).toBe(1);
  expect(await printed('tasks', '-f', 'marathon')).toContain('web-1a2b');
});

test('an empty list says so', async () => {
  operator.tasks = { ...operator.tasks, tasks: [] };
  expect(await printed('tasks')).toBe('no tasks are running (--all lists those that have ended)\n');
});

test('task', async () => {
  const out = await printed('task', 'batch');
  expect(`\n${out}`).toBe(`
id         batch-9
name       sort
state      FAILED
framework  sorter (F-2)
agent      host-1 (A-1)
resources  cpus:0.5;mem:64

TIME                  STATE     REASON                   MESSAGE
2026-01-01T00:00:00Z  STARTING  -
2026-01-01T00:00:10Z  FAILED    COMMAND_EXECUTOR_FAILED  Command exited with status 3
`);
});

test('agents', async () => {
  const out = await printed('agents');
  expect(`\n${out}`).toBe(
    `
ID   HOST    STATE        SINCE  TASKS   CPUS      MEM  ATTRIBUTES
A-1  host-1  ACTIVE       1m40s      1  0.5/4  64/1024  rack:a
A-2  host-2  UNREACHABLE  1m          1      -        -  rack:a
`.replace('1m          1', '1m         1'),
  );
});

test('agent', async () => {
  const out = await printed('agent', 'host-1');
  expect(out).toContain('state       ACTIVE since 2026-01-01T00:00:00Z');
  expect(out).toContain('total       cpus:4;mem:1024');
  expect(out).toContain('web-1a2b  web   RUNNING');
});

test('where agents are is told if any of them says', async () => {
  operator.domains = { 'host-2': { region: 'eu', zone: 'a' } };
  const out = await printed('agents');
  expect(out).toMatch(/MEM +DOMAIN +ATTRIBUTES\n/);
  expect(out).toMatch(/host-1 .* - +rack:a\n.*host-2 .* eu\/a +rack:a\n/);
  expect(await printed('agent', 'host-2')).toMatch(/domain +eu\/a\n/);
  expect(await printed('agent', 'host-1')).not.toContain('domain');
});

test('frameworks and framework', async () => {
  const out = await printed('frameworks');
  expect(`\n${out}`).toBe(`
ID   NAME      USER  ROLES    STATE   TASKS  CPUS  MEM
F-1  marathon  ann   web,dev  ACTIVE      2     1  128
`);
  expect(await printed('frameworks', '-a')).toContain('COMPLETED');
  expect(await printed('framework', 'marathon')).toContain('roles             web, dev');
});

test('state', async () => {
  const out = await printed('state');
  expect(`\n${out}`).toBe(`
cluster     trial
leader      ${master}, term 7
elected     2026-01-01T00:00:00Z
agents      2 agents: 1 ACTIVE, 1 UNREACHABLE
frameworks  1 framework: 1 ACTIVE
tasks       3 tasks: 1 RUNNING, 1 STAGING, 1 FAILED
cpus        0.5/4 allocated
mem         64/1024 MB allocated
`);
});

test('roles', async () => {
  const out = await printed('roles');
  expect(`\n${out}`).toBe(`
ROLE  WEIGHT  FRAMEWORKS  CPUS  MEM  DISK
dev        1           0     0    0     0
web        2           1     1  128     0
`);
});

test('quota', async () => {
  expect(await printed('quota')).toBe('no quotas\n');
  const set = await meseta(
    'quota',
    'set',
    'web',
    '--guarantee',
    'cpus:2',
    '--limit',
    'cpus:4;mem:0',
    '--force',
  );
  expect([set.out, set.err, operator.forced]).toEqual(['quota of role web is set\n', '', true]);
  expect(`\n${await printed('quota')}`).toBe(`
ROLE  RESOURCE  GUARANTEE  LIMIT  CONSUMED
web   cpus              2      4         1
web   mem               -      0         0
`);
  const refused = await meseta('quota', 'set', 'web', '--limit', 'ports:[1-2]');
  expect([refused.exit, refused.err]).toEqual([
    2,
    'meseta: --limit must be amounts such as cpus:4;mem:1024\n',
  ]);
  expect(await printed('quota', 'remove', 'web')).toBe('role web has no quota\n');
  expect(operator.quotas).toEqual([{ role: 'web', guarantees: {}, limits: {} }]);
});

test('drain, deactivate, activate and gone', async () => {
  const drained = await meseta('drain', 'host-1', '--grace', '30s', '--mark-gone');
  expect([drained.out, drained.err]).toEqual(['agent A-1 on host-1 is draining, then gone\n', '']);
  expect(await printed('drain', 'A-2')).toBe('agent A-2 on host-2 is draining\n');
  expect(await printed('deactivate', 'A-2')).toBe('agent A-2 on host-2 is deactivated\n');
  expect(await printed('activate', 'A-2')).toBe('agent A-2 on host-2 is active again\n');
  expect(JSON.parse(await printed('gone', 'A-2', '-o', 'json'))).toEqual({ agentId: 'A-2' });
  expect(operator.asked).toEqual([
    'drain A-1 30s gone',
    'drain A-2',
    'deactivate A-2',
    'reactivate A-2',
    'gone A-2',
  ]);
  const refused = await meseta('drain', 'A-1', '--grace', 'long');
  expect([refused.exit, refused.err]).toEqual([2, expect.stringContaining('--grace: ')]);
  expect((await meseta('gone', 'A-7')).err).toContain('unknown agent "A-7"');
});

test('an agent of which nothing is offered says why', async () => {
  operator.deactivated = true;
  expect(await printed('agents')).toContain('host-1  DEACTIVATED');
  operator.drained = DrainState.DRAINED;
  expect(await printed('agent', 'A-1')).toContain('state       DRAINED since');
});

test('maintenance', async () => {
  expect(await printed('maintenance', 'schedule')).toBe('no maintenance is planned\n');
  await meseta('maintenance', 'schedule', 'host-1', 'host-2/192.0.2.2', '--at', '10m', '--for', '1h');
  const moved = await meseta('maintenance', 'schedule', 'HOST-1', '--at', '2026-05-01T08:00:00Z');
  expect(`\n${moved.out}`).toBe(`
MACHINE           FROM                  FOR
host-2/192.0.2.2  2026-01-01T00:11:40Z  1h
HOST-1            2026-05-01T08:00:00Z  -
`);
  await meseta('maintenance', 'schedule', 'host-2/192.0.2.2', '--cancel');
  expect(operator.schedule.windows).toMatchObject([{ machineIds: [{ hostname: 'HOST-1' }] }]);
  expect(`\n${await printed('maintenance', 'status')}`).toBe(`
MACHINE    MODE       FRAMEWORK  ANSWER  SINCE
host-1     SCHEDULED  F-1        ACCEPT  2026-01-01T00:00:00Z
192.0.2.1  DOWN       -          -       -
`);
  expect(await printed('maintenance', 'start', 'host-1', '192.0.2.1')).toBe(
    'machine host-1 is down for maintenance\nmachine 192.0.2.1 is down for maintenance\n',
  );
  expect(await printed('maintenance', 'stop', 'host-1')).toBe('machine host-1 is in use again\n');
  expect(operator.asked).toEqual(['start host-1 192.0.2.1', 'stop host-1']);
  const refused = await meseta('maintenance', 'schedule', 'host-1', '--at', 'soon');
  expect([refused.exit, refused.err]).toEqual([2, expect.stringContaining('--at must be a time')]);
});

test('reserve and unreserve', async () => {
  const asked = async (...words: string[]): Promise<string> => {
    operator.asked.length = 0;
    const { out, err } = await meseta(...words);
    return [out + err, ...operator.asked].join('');
  };
  operator.reserved = reserved('cpus:2;disk:100', 'web');
  expect(await asked('reserve', 'host-1', 'cpus:1;mem:64', '--role', 'db')).toBe(
    'cpus:1;mem:64 of host-1 is reserved to role db\nreserve cpus(db)[dynamic]:1;mem(db)[dynamic]:64 of A-1',
  );
  expect(await asked('reserve', 'host-1', 'cpus:1', '--role', 'db', '--from', 'web')).toContain(
    'reserve cpus(db)[dynamic]:1 of A-1, now cpus(web)[dynamic]:1',
  );
  expect(await asked('unreserve', 'host-1', 'cpus:2', '--role', 'web')).toContain(
    'unreserve cpus(web)[dynamic]:2 of A-1',
  );
  expect(await asked('unreserve', 'host-1', 'cpus:3', '--role', 'web')).toBe(
    'meseta: host-1 has cpus(web)[dynamic]:2;disk(web)[dynamic]:100 reserved to role web, not cpus:3\n',
  );
  expect(await asked('reserve', 'host-1', 'cpus(web):1', '--role', 'db')).toBe(
    "meseta: 'cpus(web):1' must be resources without roles, as cpus:2;mem:512\n",
  );
  expect(await asked('reserve', 'host-2', 'cpus:1', '--role', 'db', '--from', 'web')).toBe(
    'meseta: agent host-2 is not connected\n',
  );
});

test('volumes', async () => {
  const asked = async (...words: string[]): Promise<string> => {
    operator.asked.length = 0;
    const { out, err } = await meseta('volumes', ...words);
    return [out + err, ...operator.asked].join('');
  };
  expect(await asked()).toBe('no volumes\n');
  const [disk] = reserved('disk:40', 'web');
  const volume = {
    ...disk,
    disk: { persistence: { id: 'v1' }, volume: { containerPath: 'data', mode: Volume_Mode.RW } },
  };
  operator.reserved = [...reserved('disk:100', 'web'), volume as Resource];
  expect(`\n${await asked()}`).toBe(`
ID  ROLE  MB  SHARED  AGENT  HOST
v1  web   40  no      A-1    host-1
`);
  expect(await asked('create', 'host-1', 'v2', '60', '--role', 'web')).toBe(
    'volume v2 of 60 MB is on host-1\ncreate disk(web)[dynamic,volume v2]:60 of A-1',
  );
  expect(await asked('create', 'host-1', 'v2', '600', '--role', 'web')).toContain('not disk:600');
  expect(await asked('create', 'host-1', 'v2', 'much', '--role', 'web')).toBe(
    "meseta: size must be megabytes above 0, not 'much'\n",
  );
  expect(await asked('resize', 'host-1', 'v1', '50')).toContain(
    'grow disk(web)[dynamic,volume v1]:40;disk(web)[dynamic]:10 of A-1',
  );
  expect(await asked('resize', 'host-1', 'v1', '30')).toContain(
    'shrink by 10 disk(web)[dynamic,volume v1]:40 of A-1',
  );
  expect(await asked('destroy', 'host-1', 'v1')).toBe(
    'volume v1 is not on host-1 any more\ndestroy disk(web)[dynamic,volume v1]:40 of A-1',
  );
  expect(await asked('destroy', 'host-1', 'v1', '--role', 'db')).toBe(
    'meseta: host-1 has no volume v1 of role db\n',
  );
});

test('weights', async () => {
  expect(await printed('weights')).toBe('no weights are set: every role weighs 1\n');
  expect(await printed('weights', 'set', 'web=2', 'eng/ads=0.5')).toBe(
    'role web weighs 2\nrole eng/ads weighs 0.5\n',
  );
  expect(`\n${await printed('weights')}`).toBe(`
ROLE     WEIGHT
web           2
eng/ads     0.5
`);
  expect((await meseta('weights', 'set', 'web')).err).toBe("meseta: 'web' must be ROLE=WEIGHT, as web=2\n");
});

test('explain', async () => {
  const out = await printed('explain', 'marathon');
  expect(`\n${out}`).toBe(`
role web: dominant share 12.5%
AGENT  HOST    FREE              FILTER    WHY
A-1    host-1  cpus:3.5;mem:960  declined  declined for 5m
A-2    host-2  cpus:1            -         may be offered
`);
});

test('many agents are explained by what speaks against them', async () => {
  operator.fullAgents = 998;
  const out = await printed('explain', 'marathon');
  expect(`\n${out}`).toBe(`
role web: dominant share 12.5%
AGENTS  FILTER        FOR INSTANCE  FREE              WHY
   998  nothing-free  host-3        -                 all of it is used
     1  declined      host-1        cpus:3.5;mem:960  declined for 5m
     1  -             host-2        cpus:1            may be offered
`);
});

test('kill names the task in full, and refuses one that has ended', async () => {
  expect(await meseta('kill', 'web-1', '--grace', '5s')).toEqual({
    exit: 0,
    out: 'killing task web-1a2b\n',
    err: '',
  });
  expect(operator.killed).toEqual(['web-1a2b']);
  expect(await meseta('kill', 'batch-9')).toEqual({
    exit: 1,
    out: '',
    err: 'meseta: task batch-9 has ended already\n',
  });
  expect((await meseta('kill', 'web-1', '--grace', 'soon')).err).toContain(
    'meseta: --grace: "soon" is not a duration',
  );
});

test('logs prints bytes as they are', async () => {
  expect(await meseta('logs', 'web-1')).toEqual({ exit: 0, out: 'hello\nworld\n', err: '' });
  expect(await printed('logs', 'web-1', '--stderr')).toBe('careful\n');
  expect(await printed('logs', 'web-1', '--tail', '6')).toBe('world\n');
  expect((await meseta('logs', 'web-3')).err).toBe(
    'meseta: the agent of task web-3c4d (host-2) is not connected now\n',
  );
});

test('exec prints what a command prints and ends as it does', async () => {
  const ran = { exit: 3, out: 'ran ls -l\n', err: '' };
  expect(await meseta('exec', 'web-1', 'ls', '-l')).toEqual(ran);
  expect(await meseta('exec', 'web-1', '--', 'ls', '-l')).toEqual(ran);
});

test('exec hands over what is typed, and where it stops', async () => {
  const context = new FakeContext({ MESETA_MASTER: master });
  const closed: string[] = [];
  const input = {
    size: () => undefined,
    open: ({ onData, onEnd }: { onData: (data: Buffer) => void; onEnd: () => void }) => {
      onData(Buffer.from('typed'));
      onEnd();
      return () => closed.push('closed');
    },
  };
  expect(await runCli(['exec', '-i', 'web-1', 'cat'], Object.assign(context, { input }))).toBe(3);
  expect([context.stdout, context.stderr, closed]).toEqual(['ran cat\n', 'typed', ['closed']]);
});

test('files and cat show a sandbox', async () => {
  expect(await printed('files', 'web-1')).toMatch(/^PATH +BYTES +MODIFIED +USER\nsub\/ .*\nstdout +5 /);
  expect(await printed('cat', 'web-1', 'stdout')).toBe('the file stdout');
});

test('attach prints what is new of both outputs until the end', async () => {
  expect(await meseta('attach', 'web-1')).toEqual({ exit: 0, out: 'attached\n', err: 'careful\n' });
});

test.each([
  ['what a pipe says, and its end', undefined, ['hello\n'], true, 'attached\nhello\n'],
  [
    'keys, until ctrl-P ctrl-Q',
    { rows: 5, columns: 9 },
    ['ls\n', '\x10', '\x11'],
    false,
    'attached at 5x9\nls\n\x10',
  ],
])('attach -i hands over %s', async (_, size, typed, ends, printed) => {
  const context = new FakeContext({ MESETA_MASTER: master });
  const closed: string[] = [];
  const input = {
    size: () => size,
    open: ({ raw, onData, onEnd }: { raw: boolean; onData: (data: Buffer) => void; onEnd: () => void }) => {
      expect(raw).toBe(size !== undefined);
      const send = async (): Promise<void> => {
        for (const text of typed.slice(0, -1)) onData(Buffer.from(text));
        // What is typed before somebody leaves is shown before that.
        await until('it is shown', () => context.stdout.length >= printed.length || ends);
        onData(Buffer.from(typed.at(-1) ?? ''));
        if (ends) onEnd();
      };
      void send();
      return () => closed.push('closed');
    },
  };
  expect(await runCli(['attach', '-i', 'web-1'], Object.assign(context, { input }))).toBe(0);
  expect([context.stdout, closed]).toEqual([printed, ['closed']]);
});

test('events are a line each, until ctrl-C', async () => {
  const context = new FakeContext({ MESETA_MASTER: master });
  const exit = runCli(['events'], context);
  await until('both were printed', () => context.stdout.split('\n').length > 2);
  context.interrupt();
  expect(await exit).toBe(0);
  expect(context.stdout).toBe(
    '2026-01-01T00:01:40Z  SUBSCRIBED         0 agents, 0 frameworks, 2 tasks\n' +
      '2026-01-01T00:01:40Z  TASK_UPDATED       task web-1a2b is FAILED: Command exited with status 1\n',
  );
});

test('version tells of the master, if one answers', async () => {
  expect(await printed('version')).toMatch(
    /meseta +\d+\.\d+\.\d+\nnode +v\d+.*\nmaster +0\.1\.0 \(leading\)\n/,
  );
  expect(await printed('version', '-m', nobody)).toContain(`none answers at ${nobody}`);
});

test.each([
  'tasks',
  'agents',
  'frameworks',
  'state',
  'version',
  'task web-1',
  'agent A-1',
  'framework F-1',
  'explain F-1',
])('%s -o json prints JSON alone', async (line) => {
  const { exit, out, err } = await meseta(...line.split(' '), '-o', 'json');
  expect([exit, err]).toEqual([0, '']);
  expect(typeof JSON.parse(out)).toBe('object');
});

test.each([
  ['tsaks', `unknown command 'tsaks' (did you mean tasks?)`, 2],
  [
    'tasks -o xml',
    `option '-o, --output <format>' argument 'xml' is invalid. Allowed choices are text, json.`,
    2,
  ],
  ['tasks --master nowhere', 'master: "nowhere" is not host:port', 2],
  [`tasks --master ${nobody}`, `no leader at ${nobody}: connection refused`, 1],
  [`--master ${nobody} tasks`, `no leader at ${nobody}: connection refused`, 1],
  ['task', `missing required argument 'id'`, 2],
  ['task web-1a3b', 'unknown task "web-1a3b", did you mean "web-1a2b"?', 1],
  ['task web', 'task "web" is not unique: web-1a2b, web-3c4d', 1],
  ['task zzzzzz', 'unknown task "zzzzzz"', 1],
  ['agent host-9', 'unknown agent "host-9", did you mean "host-1"?', 1],
  ['up --agents none', '--agents must be a whole number from 1 to 100, not "none"', 2],
  ['run', 'give a command to run, or an image with --image', 2],
])(
  'meseta %s: %s',
  async (line, message, exit) => {
    expect(await meseta(...line.split(' '))).toEqual({ exit, out: '', err: `meseta: ${message}\n` });
  },
  15_000,
);

test('without a command the help is printed, and that is no success', async () => {
  const { exit, err } = await meseta();
  expect([exit, err.includes('Usage: meseta')]).toEqual([2, true]);
  expect((await meseta('--help')).exit).toBe(0);
});

test('a standby sends to the leader', async () => {
  const standby = new FakeOperator();
  standby.leading = false;
  standby.leader = master;
  const server = await serve([standby.operatorService()]);
  servers.push(server);
  expect(await printed('tasks', '-m', server.address)).toContain('web-1a2b');
});

/** Resources reserved to a role by an operator. */
function reserved(text: string, role: string): Resource[] {
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return resourcesToProto(parsed.map((entry) => ({ ...entry, reservations: [{ type: 'DYNAMIC', role }] })));
}
