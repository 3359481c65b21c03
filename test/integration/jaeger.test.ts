import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from '@meseta/sdk';
import { Rig, eventually, freePort, offerWith } from './harness';

const jaegerProgram = process.env['MESETA_TEST_JAEGER'];
const withJaeger = jaegerProgram === undefined ? describe.skip : describe;

interface JaegerSpan {
  readonly spanID: string;
  readonly operationName: string;
  readonly processID: string;
  readonly references: readonly { readonly refType: string; readonly spanID: string }[];
  readonly tags: readonly { readonly key: string; readonly value: unknown }[];
}
interface JaegerTrace {
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
}

/** A real Jaeger, everything in one process, in memory. */
class Jaeger {
  private constructor(
    readonly otlp: string,
    readonly query: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(program: string): Promise<Jaeger> {
    const ports = await Promise.all(Array.from({ length: 9 }, () => freePort()));
    const at = (index: number): string => `127.0.0.1:${ports[index] ?? 0}`;
    const flags = {
      'collector.otlp.http.host-port': at(0),
      'collector.otlp.grpc.host-port': at(1),
      'query.http-server.host-port': at(2),
      'query.grpc-server.host-port': at(3),
      'collector.grpc-server.host-port': at(4),
      'collector.http-server.host-port': at(5),
      'admin.http.host-port': at(6),
      'processor.jaeger-compact.server-host-port': at(7),
      'http-server.host-port': at(8),
      'processor.jaeger-binary.server-host-port': '127.0.0.1:0',
      'processor.zipkin-compact.server-host-port': '127.0.0.1:0',
      'log-level': 'error',
    };
    const child = spawn(
      program,
      Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
      { stdio: 'ignore' },
    );
    const jaeger = new Jaeger(`http://${at(0)}`, `http://${at(2)}`, child);
    await eventually('Jaeger answers', async () => (await fetch(`${jaeger.query}/api/services`)).ok);
    return jaeger;
  }

  async tracesOf(taskId: string): Promise<readonly JaegerTrace[]> {
    const tags = encodeURIComponent(JSON.stringify({ 'task.id': taskId }));
    const answer = await fetch(`${this.query}/api/traces?service=master&tags=${tags}&limit=20&lookback=1h`);
    return ((await answer.json()) as { data: readonly JaegerTrace[] | null }).data ?? [];
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}

withJaeger('a launch is found in Jaeger by its task id', () => {
  const rig = new Rig();
  let jaeger: Jaeger;
  beforeAll(async () => (jaeger = await Jaeger.start(jaegerProgram ?? '')), 60_000);
  afterAll(async () => {
    await rig.stop();
    jaeger.stop();
  }, 60_000);

  test('as one trace over all services', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.otlp, OTEL_BSP_SCHEDULE_DELAY: '100' };
    const master = await rig.smallest(env);
    const scheduler = await connect({ master: master.grpc, framework: { name: 'traced', role: 'test' } });
    const offer = await offerWith(scheduler, 'cpus:0.5;mem:32');
    const task = await offer.launch({ name: 'traced', command: 'true', resources: 'cpus:0.5;mem:32' });
    await task.finished();
    await scheduler.teardown();

    const tree = [
      ['allocator', 'allocator.allocate', undefined],
      ['master', 'master.offer', 'allocator.allocate'],
      ['master', 'master.launch', 'master.offer'],
      ['agent', 'agent.launch', 'master.launch'],
      ['agent', 'agent.container.start', 'agent.launch'],
    ];
    let trace: JaegerTrace | undefined;
    await eventually('the whole trace has arrived', async () => {
      [trace] = await jaeger.tracesOf(task.id);
      const names = trace?.spans.map((span) => span.operationName) ?? [];
      return (
        tree.every(([, name]) => names.includes(name ?? '')) &&
        names.filter((name) => name === 'master.status_update').length >= 3
      );
    });
    expect(await jaeger.tracesOf(task.id)).toHaveLength(1);
    const spans = trace?.spans ?? [];
    const seen = tree.map(([, name]) => {
      const span = spans.find((one) => one.operationName === name);
      const parent = spans.find((one) => one.spanID === span?.references[0]?.spanID);
      return [trace?.processes[span?.processID ?? '']?.serviceName, name, parent?.operationName];
    });
    expect(seen).toEqual(tree);
  }, 60_000);
});
