import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ContainerInfo_Type,
  ExecutorInfo_Type,
  LinuxInfo_IpcMode,
  Secret_Type,
  Volume_Mode,
  Volume_Source_Type,
  type ContainerInfo,
  type LinuxInfo,
} from '@meseta/protocol';
import { cgroupRoot } from './runtime/cgroups/detect';
import { agentNameOf } from './runtime/create';
import { agentRunDirectory } from './runtime/run-directory';
import { AgentBench } from './testdata/agent-bench';
import { executorInfo, taskInfo } from './testdata/fake-master';

/** Others leave nothing anyway. */
const suite = process.getuid?.() === 0 ? describe : describe.skip;

const container = (more: Partial<ContainerInfo>): { readonly container: ContainerInfo } => ({
  container: { type: ContainerInfo_Type.MESOS, volumes: [], networkInfos: [], ...more },
});

suite('G19: an agent that leaves for good', () => {
  let bench: AgentBench;
  beforeEach(async () => {
    bench = await AgentBench.open();
  });

  /** The agent's own control groups, one for each controller on version 1. */
  async function groups(): Promise<readonly string[]> {
    const name = join('meseta', agentNameOf(bench.workDir));
    const places = [cgroupRoot, ...(await readdir(cgroupRoot)).map((one) => join(cgroupRoot, one))];
    return places.map((place) => join(place, name)).filter((path) => existsSync(path));
  }

  test('leaves nothing of its tasks, its pods, its executors and their secrets', async () => {
    const { master } = bench;
    const secret = {
      mode: Volume_Mode.RO,
      containerPath: 'secret',
      source: {
        type: Volume_Source_Type.SECRET,
        secret: { type: Secret_Type.VALUE, value: { data: Buffer.from('hush') } },
      },
    };
    const sharing = { sharePidNamespace: true, ipcMode: LinuxInfo_IpcMode.SHARE_PARENT } as LinuxInfo;
    master.launch(
      'task',
      'cat secret; echo; trap "" TERM; while :; do sleep 0.1; done',
      container({ volumes: [secret] }),
    );
    master.launchGroup('pod', [
      taskInfo('in-pod', 'echo here; exec sleep 300', container({ linuxInfo: sharing })),
      taskInfo('alone', 'exec sleep 300'),
    ]);
    const command = { uris: [], arguments: [], value: 'echo here; exec sleep 300' };
    const executor = executorInfo('custom', { type: ExecutorInfo_Type.CUSTOM, command });
    master.launch('for-custom', '', { command: undefined, executor });
    expect(await bench.output('task', /hush/)).toBe('hush\n');
    await bench.output('pod', /here/, ['tasks/in-pod/stdout']);
    await bench.output('custom', /here/);
    expect(await groups()).not.toEqual([]);
    const run = agentRunDirectory(agentNameOf(bench.workDir));
    expect(existsSync(run)).toBe(true);

    await bench.close();
    expect(await groups()).toEqual([]);
    expect(existsSync(run)).toBe(false);
    const mounts = await readFile('/proc/self/mountinfo', 'utf8');
    expect(mounts.split('\n').filter((line) => line.includes(run) || line.includes(bench.workDir))).toEqual(
      [],
    );
  });

  test('without tasks, too', async () => {
    await bench.close();
    expect(await groups()).toEqual([]);
    expect(existsSync(agentRunDirectory(agentNameOf(bench.workDir)))).toBe(false);
  });
});
