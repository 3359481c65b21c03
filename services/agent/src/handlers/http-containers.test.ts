import { AgentBench } from '../testdata/agent-bench';

describe('what runs, over HTTP', () => {
  let bench: AgentBench;
  beforeAll(async () => {
    bench = await AgentBench.open();
    bench.master.launch(
      't1',
      'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo ready; exec sleep 300',
    );
    await bench.output('t1', /ready/);
    await bench.master.untilState('t1', 'TASK_RUNNING');
    await bench.agent.settle();
  });
  afterAll(() => bench.close());

  const get = async (path: string): Promise<string> =>
    (await fetch(`http://${bench.agent.http}${path}`)).text();
  const own = /container_id="[^"]+",runtime="process"/;

  test('each container is listed with its status', async () => {
    expect(JSON.parse(await get('/containers'))).toMatchObject([
      {
        executor_id: 't1',
        framework_id: 'framework',
        source: 't1',
        container_id: expect.any(String),
        // G72: what it was given, whether or not somebody keeps it to that.
        statistics: { cpus_limit: 0.1, mem_limit_bytes: 64 * 1024 * 1024 },
        status: {
          executor_pid: expect.any(Number),
          network_infos: [{ ip_addresses: [{ ip_address: expect.any(String) }] }],
        },
      },
    ]);
  });

  test('G70: the statistics of each are had by themselves', async () => {
    const list = JSON.parse(await get('/monitor/statistics')) as object[];
    expect(list).toMatchObject([
      { executor_id: 't1', framework_id: 'framework', source: 't1', statistics: { cpus_limit: 0.1 } },
    ]);
  });

  test('each container has series while it runs, where control groups tell what it uses', async () => {
    const before = await get('/metrics');
    const measured = own.test(before);
    // Without root there are no control groups, and nothing is known of what a task uses.
    if (process.getuid?.() === 0) expect(measured).toBe(true);
    if (measured) {
      const value = (name: string): number =>
        Number(
          new RegExp(
            `^meseta_agent_container_${name}\\{framework_id="framework",executor_id="t1",.*\\} (.*)$`,
            'm',
          ).exec(before)?.[1],
        );
      expect(value('cpu_seconds_total')).toBeGreaterThan(0);
      expect(value('memory_bytes')).toBeGreaterThan(0);
      expect(value('processes')).toBeGreaterThan(0);
      const [entry] = JSON.parse(await get('/containers')) as { statistics: Record<string, number> }[];
      expect(entry?.statistics['cpus_user_time_secs']).toBeGreaterThan(0);
      expect(entry?.statistics).toMatchObject({
        cpus_system_time_secs: expect.any(Number),
        processes: expect.any(Number),
        threads: expect.any(Number),
      });
    }
    bench.master.kill('t1', 0);
    await bench.master.untilState('t1', 'TASK_KILLED');
    await bench.agent.settle();
    expect(await get('/metrics')).not.toMatch(own);
    expect(await get('/containers')).toBe('[]');
  });
});
