import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isWrite } from '../state/effect';
import { frameworkInfo, Story } from '../state/testdata/story';
import { step } from '../state/step';
import { instant, taskId, frameworkId, containerId, Resources } from '@meseta/model';
import type { TaskRecord } from '../state/state';
import { Checkpoint } from './checkpoint';

describe('the checkpoint', () => {
  let workDir: string;
  beforeEach(async () => {
    workDir = await mkdtemp(join(tmpdir(), 'meseta-checkpoint-'));
  });
  afterEach(() => rm(workDir, { recursive: true, force: true }));

  test('gives back what was written: the agent, its frameworks, its tasks and what is to be told of them', async () => {
    const before = await Checkpoint.open(workDir, 'meseta');
    const now = instant(5);
    before.state.session = { id: 1, registered: true };
    const effects = step(
      before.state,
      {
        kind: 'masterSaid',
        sessionId: 1,
        term: 9,
        orders: [
          {
            kind: 'launch',
            frameworkId: frameworkId('F'),
            framework: frameworkInfo({ name: 'f' }),
            taskId: taskId('T'),
            task: {
              taskId: { value: 'T' },
              resources: [],
              limits: {},
              command: { value: 'x', uris: [], arguments: ['a'] },
            },
            traceparent: '00-1-2-01',
            containerId: containerId('0123'),
            resources: Resources.empty,
            plan: { runtime: 'process' },
          },
        ],
      },
      now,
    );
    for (const effect of effects) if (isWrite(effect)) before.write(effect);
    await before.commit();
    await before.close();

    const after = await Checkpoint.open(workDir, 'meseta');
    expect(after.rebooted).toBe(false);
    expect(after.state.term).toBe(9);
    expect(after.state.unacknowledged).toBe(1);
    expect([...after.state.frameworks.values()]).toMatchObject([
      { id: 'F', uses: 1, info: { name: 'f', checkpoint: true } },
    ]);
    const [was] = before.state.tasks.values();
    const [is] = after.state.tasks.values();
    const { info: infoWas, sent: _sent, retryAt: _retryAt, ...restWas } = was as TaskRecord;
    const { info: infoIs, sent, retryAt, ...restIs } = is as TaskRecord;
    expect(restIs).toEqual(restWas);
    expect([sent, retryAt]).toEqual([0, undefined]);
    expect(infoIs).toMatchObject(infoWas);
    await after.close();
  });

  test('forgets what was forgotten', async () => {
    const story = Story.registered();
    const checkpoint = await Checkpoint.open(workDir, 'meseta');
    story.running('T1');
    const [task] = story.state.tasks.values();
    if (task === undefined) throw new Error('no task');
    checkpoint.state.tasks.set(task.key, task);
    checkpoint.state.frameworks.set(frameworkId('F'), {
      id: frameworkId('F'),
      info: frameworkInfo(),
      uses: 1,
    });
    checkpoint.write({ kind: 'saveFramework', frameworkId: frameworkId('F') });
    checkpoint.write({ kind: 'saveNewTask', key: task.key });
    checkpoint.write({ kind: 'saveTask', key: task.key });
    await checkpoint.commit();
    checkpoint.state.tasks.clear();
    checkpoint.state.frameworks.clear();
    checkpoint.write({ kind: 'forgetTask', task });
    checkpoint.write({ kind: 'forgetFramework', frameworkId: frameworkId('F'), info: frameworkInfo() });
    await checkpoint.close();
    const after = await Checkpoint.open(workDir, 'meseta');
    expect([after.state.tasks.size, after.state.frameworks.size]).toEqual([0, 0]);
    await after.close();
  });

  test('G7: what makes no sense ends the start, or is left out', async () => {
    const story = Story.registered();
    story.running('T1');
    story.running('T2');
    const checkpoint = await Checkpoint.open(workDir, 'meseta');
    checkpoint.state.frameworks.set(frameworkId('F'), {
      id: frameworkId('F'),
      info: frameworkInfo(),
      uses: 2,
    });
    checkpoint.write({ kind: 'saveFramework', frameworkId: frameworkId('F') });
    for (const task of story.state.tasks.values()) {
      checkpoint.state.tasks.set(task.key, task);
      // The description of the first is lost.
      if (task.taskId !== 'T1') checkpoint.write({ kind: 'saveNewTask', key: task.key });
      checkpoint.write({ kind: 'saveTask', key: task.key });
    }
    await checkpoint.close();
    await expect(Checkpoint.open(workDir, 'meseta')).rejects.toThrow(
      /its record task\/F\/T1 makes no sense \(.*its description is missing\); --no-strict starts without it/,
    );
    const skipped: string[] = [];
    const after = await Checkpoint.open(workDir, 'meseta', undefined, (key) => skipped.push(key));
    expect(skipped).toEqual(['task/F/T1']);
    expect([...after.state.tasks.values()].map(({ taskId }) => taskId)).toEqual(['T2']);
    await after.close();
  });

  test('refuses in one line what is not a work directory', async () => {
    await writeFile(join(workDir, 'file'), '');
    await expect(Checkpoint.open(join(workDir, 'file'), 'meseta')).rejects.toThrow(
      /cannot be used: not a directory \(--work-dir\)$/,
    );
    await mkdir(join(workDir, 'meta/state'), { recursive: true });
    await writeFile(join(workDir, 'meta/state/data.mdb'), 'x'.repeat(10_000));
    await expect(Checkpoint.open(workDir, 'meseta')).rejects.toThrow(
      /is not a checkpoint of an agent \(--work-dir\)$/,
    );
    await expect(Checkpoint.open('/proc/nobody', 'meseta')).rejects.toThrow(
      /^work directory \/proc\/nobody cannot be used: [^\n]+$/,
    );
  });

  (process.getuid?.() === 0 ? test.skip : test)('refuses a directory that it may not write to', async () => {
    await chmod(workDir, 0o500);
    await expect(Checkpoint.open(workDir, 'meseta')).rejects.toThrow(/permission denied \(--work-dir\)$/);
    await chmod(workDir, 0o700);
  });
});
