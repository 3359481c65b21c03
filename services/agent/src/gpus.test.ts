import { isFailure, Resources } from '@meseta/model';
import {
  CapabilityInfo_Capability,
  ContainerInfo_Type,
  ExecutorInfo_Type,
  resourcesToProto,
} from '@meseta/protocol';
import { detectCgroups } from './runtime/cgroups/detect';
import { AgentBench } from './testdata/agent-bench';
import { FakeGpus, fakeUuid } from './testdata/fake-gpus';
import { taskInfo } from './testdata/fake-master';

/** Only root can isolate tasks and make device files. */
const suite = process.getuid?.() === 0 ? describe : describe.skip;

const wanting = (text: string) => {
  const resources = Resources.parse(text);
  if (isFailure(resources)) throw new Error(resources.message);
  return { resources: resourcesToProto(resources.allocate('web')) };
};

// Devices of the kernel that do no harm stand for gpus: nvidia0 is /dev/zero, nvidia1 is /dev/full.
suite('gpus, through an agent that isolates tasks', () => {
  const flags = ['--resources=cpus:4;mem:2048', '--capabilities=mknod,dac_override,chown'];
  let gpus: FakeGpus;
  let bench: AgentBench;
  beforeEach(async () => {
    gpus = await FakeGpus.make(2);
    bench = await AgentBench.open(flags, { gpuPaths: gpus.paths });
  });
  afterEach(async () => {
    await bench.close();
    await gpus.remove();
  });
  const list = 'ls /dev | grep nvidia | tr "\\n" " "';

  test('they are offered, and a task sees and can use its own only', async () => {
    const { master } = bench;
    const offered = master.registers.at(-1)?.agentInfo?.resources ?? [];
    expect(offered.find(({ name }) => name === 'gpus')?.scalar?.value).toBe(2);
    const command = `${list}; echo; head -c 1 /dev/nvidia* | wc -c; echo $NVIDIA_VISIBLE_DEVICES $CUDA_VISIBLE_DEVICES; echo done; sleep 300`;
    master.launch('t1', command, wanting('cpus:0.1;mem:64;gpus:1'));
    master.launch('t2', command, wanting('cpus:0.1;mem:64;gpus:1'));
    master.launch('t3', command, wanting('cpus:0.1;mem:64'));
    const uuids = [fakeUuid(0), fakeUuid(1)];
    expect(await bench.output('t1', /done/)).toMatch(/^nvidia0 nvidiactl \n/);
    expect(await bench.output('t1', /done/)).toContain(`${uuids[0]} ${uuids[0]}\n`);
    expect(await bench.output('t2', /done/)).toMatch(/^nvidia1 nvidiactl \n/);
    expect(await bench.output('t2', /done/)).toContain(`${uuids[1]} ${uuids[1]}\n`);
    expect(await bench.output('t3', /done/)).toMatch(/^\n0\nvoid\n/);
  });

  test('what a task makes itself is not another’s gpu either', async () => {
    const cgroups = await detectCgroups('gpus-test');
    const { master } = bench;
    const container = {
      type: ContainerInfo_Type.MESOS,
      volumes: [],
      networkInfos: [],
      linuxInfo: {
        boundingCapabilities: {
          capabilities: [CapabilityInfo_Capability.MKNOD, CapabilityInfo_Capability.DAC_OVERRIDE],
        },
      },
    };
    const command = 'mknod own c 1 5 && head -c 1 own | wc -c; mknod other c 1 7; echo status $?';
    master.launch('t1', command, { ...wanting('cpus:0.1;mem:64;gpus:1'), container });
    const said = await bench.output('t1', /status \d/);
    // The controller of devices is files only in version 1 of control groups.
    if (!isFailure(cgroups) && cgroups.constructor.name === 'CgroupsV1') expect(said).toBe('1\nstatus 1\n');
    expect(said).toMatch(/^1\n/);
    if (!isFailure(cgroups)) cgroups.leave();
  });

  test('a task keeps its own over a restart of the agent, and the next gets what was given back', async () => {
    const { master } = bench;
    master.launch('t1', 'sleep 300', wanting('gpus:1'));
    master.launch('t2', 'sleep 300', wanting('gpus:1'));
    await master.untilState('t2', 'TASK_RUNNING');
    await bench.restart(flags);
    master.launch('t3', 'true', wanting('gpus:1'));
    await master.untilState('t3', 'TASK_DROPPED');
    expect(master.statuses('t3').at(-1)?.message).toBe('The agent has 0 gpus left, not 1');
    master.kill('t1');
    await master.untilState('t1', 'TASK_KILLED');
    master.launch('t4', `${list}; echo done; sleep 300`, wanting('cpus:0.1;mem:64;gpus:1'));
    expect(await bench.output('t4', /done/)).toBe('nvidia0 nvidiactl done\n');
  });

  test('tasks of a group have their own, and what the group’s executor has', async () => {
    const { master } = bench;
    master.launchGroup(
      'pod',
      [
        { ...taskInfo('t1', `${list}; echo done; sleep 300`), ...wanting('cpus:0.1;mem:64;gpus:1') },
        taskInfo('t2', `${list}; echo done; sleep 300`),
      ],
      wanting('cpus:0.1;mem:32;gpus:1'),
    );
    expect(await bench.output('pod', /done/, ['tasks/t1/stdout'])).toBe('nvidia0 nvidia1 nvidiactl done\n');
    expect(await bench.output('pod', /done/, ['tasks/t2/stdout'])).toBe('nvidia0 nvidiactl done\n');
  });

  test('an executor sees those of its tasks as they come', async () => {
    const { master } = bench;
    const executor = {
      type: ExecutorInfo_Type.CUSTOM,
      ...wanting('cpus:0.1;mem:32;gpus:1'),
      command: { uris: [], arguments: [], value: `while :; do ${list}; echo; sleep 0.1; done` },
    };
    master.launchGroup('own', [taskInfo('t1', '')], executor);
    await bench.output('own', /^nvidia0 nvidiactl $/m);
    master.launchGroup('own', [{ ...taskInfo('t2', ''), ...wanting('cpus:0.1;mem:64;gpus:1') }], executor);
    await bench.output('own', /^nvidia0 nvidia1 nvidiactl $/m);
  });

  test('of tasks that are not isolated nobody has one', async () => {
    const { master } = bench;
    await bench.restart([...flags, '--isolate-processes=false']);
    master.launch('t1', 'true', wanting('cpus:0.1;mem:64;gpus:1'));
    await master.untilState('t1', 'TASK_FAILED');
    expect(master.statuses('t1').at(-1)?.message).toBe(
      'gpus need an agent that isolates tasks (--isolate-processes)',
    );
  });
});
