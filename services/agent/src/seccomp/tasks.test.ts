import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { isFailureError } from '@meseta/kit';
import { AgentServiceClient, TaskInfo, type ExecResponse } from '@meseta/protocol';
import { AgentBench } from '../testdata/agent-bench';

/** Only root can isolate. */
const suite = process.getuid?.() === 0 ? describe : describe.skip;

suite('tasks with a profile of seccomp', () => {
  let bench: AgentBench;
  let profiles: string;
  const profile = (name: string, content: object): Promise<void> =>
    writeFile(join(profiles, name), JSON.stringify(content));

  beforeAll(async () => {
    profiles = await mkdtemp(join(tmpdir(), 'meseta-seccomp-'));
    const open = { defaultAction: 'SCMP_ACT_ALLOW' };
    const mkdirs = ['mkdir', 'mkdirat'];
    await profile('no-mkdir', {
      ...open,
      syscalls: [{ names: mkdirs, action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
    });
    await profile('no-chmod', {
      ...open,
      syscalls: [{ names: ['fchmodat', 'chmod', 'fchmodat2'], action: 'SCMP_ACT_KILL_PROCESS' }],
    });
    await profile('default.json', {
      ...open,
      syscalls: [{ names: ['sethostname'], action: 'SCMP_ACT_ERRNO' }],
    });
    await profile('broken', { defaultAction: 'NONE' });
    bench = await AgentBench.open([
      '--seccomp-config-directory',
      profiles,
      '--seccomp-profile-name=default.json',
    ]);
  });
  afterAll(async () => {
    await bench.close();
    await rm(profiles, { recursive: true, force: true });
  });

  const launch = (id: string, command: string, seccomp: object | undefined, user?: string): void => {
    const described = TaskInfo.fromJSON({
      command: { value: command, ...(user !== undefined && { user }) },
      container: { type: 'MESOS', ...(seccomp !== undefined && { linuxInfo: { seccomp } }) },
    });
    bench.master.launch(id, '', { command: described.command, container: described.container });
  };
  const status = "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status | tr -d '\\t\\n'";

  test('are refused what it forbids, whoever they run as', async () => {
    for (const [id, user] of [
      ['root', undefined],
      ['nobody', 'nobody'],
    ] as const) {
      launch(id, `id -un; mkdir sub 2>&1; ${status}; echo; echo done`, { profileName: 'no-mkdir' }, user);
      expect(await bench.output(id, /done/)).toMatch(
        new RegExp(`^${id}\\nmkdir: .*No space left on device\\nNoNewPrivs:1Seccomp:2\\ndone\\n$`),
      );
    }
  });

  test('end with a call that it kills for', async () => {
    launch('killed', 'touch file; exec chmod 600 file', { profileName: 'no-chmod' });
    await bench.master.untilState('killed', 'TASK_FAILED');
    expect(bench.master.statuses('killed').at(-1)?.message).toBe('Command terminated with signal SIGSYS');
  });

  test('have the default one unless they name one, or none', async () => {
    const command = `${status}; echo; echo done`;
    launch('default', command, undefined);
    launch('unconfined', command, { unconfined: true });
    expect(await bench.output('default', /done/)).toBe('NoNewPrivs:1Seccomp:2\ndone\n');
    expect(await bench.output('unconfined', /done/)).toBe('NoNewPrivs:1Seccomp:0\ndone\n');
  });

  test('what is run beside one is filtered as it is', async () => {
    launch('host', 'echo ready; exec sleep 300', { profileName: 'no-mkdir' });
    await bench.output('host', /ready/);
    await bench.master.untilState('host', 'TASK_RUNNING');
    await bench.agent.settle();
    const client = new AgentServiceClient(bench.agent.grpc, credentials.createInsecure());
    const stream = client.exec();
    const names = { frameworkId: { value: 'framework' }, taskId: { value: 'host' } };
    const command = ['sh', '-c', 'mkdir sub 2>&1'];
    stream.write({ request: { $case: 'start', value: { ...names, command, terminal: undefined } } });
    let said = '';
    for await (const { response } of stream as AsyncIterable<ExecResponse>)
      said += response?.$case === 'stdout' ? response.value.toString() : '';
    client.close();
    expect(said).toContain('No space left on device');
  });

  test.each([
    [{ profileName: 'none' }, "profile 'none' is not on this agent"],
    [{ profileName: '../none' }, 'profile_name must be the name of a file'],
    [{ profileName: 'no-mkdir', unconfined: true }, 'must not have a profile_name and be unconfined'],
    [
      { profileName: 'broken' },
      'profile \'broken\': defaultAction must be an action that filters know, not "NONE"',
    ],
  ])('%j is refused', async (seccomp, message) => {
    const id = `refused-${message.length}`;
    launch(id, 'true', seccomp);
    await bench.master.untilState(id, 'TASK_FAILED');
    expect(bench.master.statuses(id).at(-1)?.message).toBe(`linux_info.seccomp ${message}`);
  });

  test.each([
    [['--seccomp-profile-name=broken'], /profile 'broken': defaultAction/],
    [['--seccomp-profile-name=no-mkdir', '--isolate-processes=false'], /needs root and control groups/],
  ])('an agent with %j does not start', async (flags, message) => {
    const opened = await AgentBench.open(['--seccomp-config-directory', profiles, ...flags]).catch(
      (error: unknown) => error,
    );
    expect(isFailureError(opened) ? opened.message : 'it started').toMatch(message);
  });
});
