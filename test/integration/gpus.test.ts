import { join } from 'node:path';
import { createLogger, noTracing, readConfig } from '@meseta/kit';
import { connect, type Scheduler } from '@meseta/sdk';
import { agentService } from '../../services/agent/src/config';
import { createAgentServer, type AgentServer } from '../../services/agent/src/server';
import { FakeGpus } from '../../services/agent/src/testdata/fake-gpus';
import { eventually, meseta, offerWith, operatorOf, Rig } from './harness';

// Gpus as frameworks and people see them. The agent is in this process, as its driver is a pretended one; all else are processes. Only root can
// make the device files.
const suite = process.getuid?.() === 0 ? describe : describe.skip;

suite('gpus', () => {
  let rig: Rig;
  let gpus: FakeGpus;
  let agent: AgentServer;
  let master: string;
  let scheduler: Scheduler;

  beforeAll(async () => {
    rig = new Rig();
    gpus = await FakeGpus.make(2);
    const registry = await rig.start('registry', ['--store', 'memory']);
    const allocator = await rig.start('allocator', []);
    master = (await rig.start('master', ['--registry', registry.grpc, '--allocator', allocator.grpc])).grpc;
    const flags = ['--master', master, '--work-dir', join(rig.folder, 'agent'), '--port=0', '--http-port=0'];
    agent = await createAgentServer({
      config: readConfig(agentService, [...flags, '--resources=cpus:2;mem:512', '--runtimes=process'], {}),
      log: createLogger('agent', 'silent'),
      tracing: noTracing,
      gpuPaths: gpus.paths,
      onFatal: (error) => {
        throw error;
      },
    });
    scheduler = await connect({
      master,
      framework: { name: 'learner', role: 'gpu', capabilities: ['GPU_RESOURCES'] },
    });
  }, 60_000);
  afterAll(async () => {
    await scheduler?.teardown();
    await agent?.unregister('the test is over');
    await agent?.close();
    await rig.stop();
    await gpus?.remove();
  }, 60_000);

  test('the machine’s are offered, and each task finds its own', async () => {
    const operator = operatorOf(master);
    const [found] = (await operator.agents()).agents?.agents ?? [];
    operator.close();
    const total = found?.totalResources.find(({ name }) => name === 'gpus');
    expect(total?.scalar?.value).toBe(2);
    const command = 'ls /dev | grep "nvidia[0-9]"; head -c 1 /dev/nvidia[0-9] | wc -c; sleep 300';
    const launch = async (name: string) => {
      const offer = await offerWith(scheduler, 'cpus:0.1;mem:32;gpus:1');
      const task = await offer.launch({ name, command, resources: 'cpus:0.1;mem:32;gpus:1' });
      await task.running();
      return task;
    };
    const tasks = [await launch('one'), await launch('two')];
    for (const [index, task] of tasks.entries()) {
      await eventually('it has looked', async () => {
        const { stdout } = await meseta(['logs', task.id], master);
        return stdout === `nvidia${index}\n1\n`;
      });
    }
    await tasks[0]?.kill();
    await tasks[0]?.finished();
    const again = await launch('three');
    await eventually('it has what was given back', async () => {
      const { stdout } = await meseta(['logs', again.id], master);
      return stdout === 'nvidia0\n1\n';
    });
    await tasks[1]?.kill();
    await again.kill();
    await Promise.all([tasks[1]?.finished(), again.finished()]);
  }, 60_000);
});
