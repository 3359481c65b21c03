import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Resources } from '@meseta/model';
import { resourcesToProto } from '@meseta/protocol';
import { AgentBench } from '../testdata/agent-bench';
import { createController, createEstimator } from './modules';

describe('oversubscription', () => {
  let bench: AgentBench;
  const often = '--oversubscribed-resources-interval=100ms';
  afterEach(() => bench?.close());

  test('G142: what an estimator says is told, as revocable, when the agent registers and when it changes', async () => {
    bench = await AgentBench.open([often, '--resource-estimator=fixed:cpus:2']);
    const { master } = bench;
    // Told with the registration or after it, whichever comes first.
    const told = () => [
      ...master.registers.map(({ oversubscribedResources }) => oversubscribedResources),
      ...master.resourcesChanged.map(({ oversubscribed }) => oversubscribed),
    ];
    await master.until('told', () => told().some((one) => one.length > 0));
    expect(told().find((one) => one.length > 0)).toMatchObject([
      { name: 'cpus', scalar: { value: 2 }, revocable: {} },
    ]);
    master.hangUp();
    await master.until('again', () => master.registers.length === 2);
    expect(master.registers[1]?.oversubscribedResources).toMatchObject([{ name: 'cpus' }]);
  });

  test('G143: a controller ends tasks on revocable resources, and those only', async () => {
    bench = await AgentBench.open();
    const path = join(bench.workDir, 'controller.js');
    await writeFile(
      path,
      `exports.createQosController = () => ({ corrections: ({ tasks }) =>
        tasks.map(({ frameworkId, taskId }) => ({ frameworkId, taskId, message: 'in the way' })) });`,
    );
    await bench.restart([often, `--qos-controller=${path}`]);
    const { master } = bench;
    const cpus = Resources.parse('cpus:0.1') as Resources;
    const revocable = resourcesToProto(cpus.allocate('web').map((one) => ({ ...one, revocable: true })));
    master.launch('firm', 'exec sleep 300');
    master.launch('loose', 'exec sleep 300', { resources: revocable });
    await master.untilState('loose', 'TASK_GONE');
    expect(master.statuses('loose').at(-1)?.reason).toBe('REASON_CONTAINER_PREEMPTED');
    expect(master.states('firm').at(-1)).toBe('TASK_RUNNING');
  });

  test('what cannot be loaded is told in one line', () => {
    expect(() => createEstimator('fixed:cpus:x')).toThrow('--resource-estimator');
    expect(() => createController('/no/such/module')).toThrow(
      /^cannot load \/no\/such\/module: .* \(--qos-controller\)$/,
    );
  });
});
