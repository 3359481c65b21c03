import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { credentials } from '@grpc/grpc-js';
import { callUnary } from '@meseta/kit';
import { Resources } from '@meseta/model';
import { Offer_Operation_Type, resourcesToProto, SchedulerServiceClient } from '@meseta/protocol';
import { connect } from '@meseta/sdk';
import { Rig, eventually, offerWith } from './harness';

interface Span {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly status: { readonly code: number; readonly message?: string };
  readonly events: readonly {
    readonly name: string;
    readonly attributes: Readonly<Record<string, string>>;
  }[];
}

/** An OTLP receiver over HTTP (opentelemetry.io, OTLP 1.x, JSON encoding): it keeps every span it is sent. */
class Receiver {
  readonly spans: Span[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (data: Buffer) => (body += data.toString()));
      request.on('end', () => {
        if (request.url === '/v1/traces') this.#keep(JSON.parse(body) as Export);
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
  }

  static start(): Promise<Receiver> {
    const receiver = new Receiver();
    return new Promise((resolve) => receiver.#server.listen(0, '127.0.0.1', () => resolve(receiver)));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #keep({ resourceSpans }: Export): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = valuesOf(resource.attributes)['service.name'] ?? '';
      for (const { spans } of scopeSpans) {
        for (const { attributes, events, parentSpanId = '', ...span } of spans)
          this.spans.push({
            ...span,
            service,
            parentSpanId,
            attributes: valuesOf(attributes),
            events: events.map((event) => ({ name: event.name, attributes: valuesOf(event.attributes) })),
          });
      }
    }
  }
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<Span, 'service' | 'attributes' | 'events'> & {
        readonly attributes: readonly Attribute[];
        readonly events: readonly { readonly name: string; readonly attributes: readonly Attribute[] }[];
      })[];
    }[];
  }[];
}
interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

function valuesOf(attributes: readonly Attribute[]): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? '']));
}

describe('one launch is one trace', () => {
  const rig = new Rig();
  const cleanup: (() => Promise<unknown>)[] = [];
  let receiver: Receiver;
  beforeAll(async () => (receiver = await Receiver.start()));
  afterAll(async () => {
    for (const clean of cleanup) await clean();
    await rig.stop();
    receiver.close();
  });

  test('from the allocation to RUNNING, over three services', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    };
    const master = await rig.smallest(env);
    const scheduler = await connect({ master: master.grpc, framework: { name: 'traced', role: 'test' } });
    const offer = await offerWith(scheduler, 'cpus:0.5;mem:32');
    const task = await offer.launch({ name: 'traced', command: 'true', resources: 'cpus:0.5;mem:32' });
    await task.finished();
    await scheduler.teardown();

    const launch = (): Span | undefined =>
      receiver.spans.find((span) => span.name === 'master.launch' && span.attributes['task.id'] === task.id);
    const ofTrace = (): readonly Span[] =>
      receiver.spans.filter((span) => span.traceId === launch()?.traceId);
    const expected = ['allocator.allocate', 'master.offer', 'agent.launch', 'agent.container.start'];
    await eventually(
      'all spans of the launch have arrived',
      () =>
        expected.every((name) => ofTrace().some((span) => span.name === name)) &&
        ofTrace().filter((span) => span.name === 'master.status_update').length >= 3,
    );

    const spans = ofTrace();
    const one = (name: string): Span => {
      const found = spans.filter((span) => span.name === name);
      expect([name, found.length]).toEqual([name, 1]);
      return found[0] as Span;
    };
    const [allocate, offered, launched, agentLaunch, start] = [
      one('allocator.allocate'),
      one('master.offer'),
      one('master.launch'),
      one('agent.launch'),
      one('agent.container.start'),
    ];
    expect(allocate).toMatchObject({ service: 'allocator', parentSpanId: '' });
    expect(offered).toMatchObject({
      service: 'master',
      parentSpanId: allocate.spanId,
      attributes: {
        'offer.id': offer.id,
        'framework.id': scheduler.frameworkId,
        'agent.id': offer.agentId,
        role: 'test',
        outcome: 'accepted',
      },
    });
    expect(launched).toMatchObject({ service: 'master', parentSpanId: offered.spanId });
    expect(agentLaunch).toMatchObject({ service: 'agent', parentSpanId: launched.spanId });
    expect(start).toMatchObject({ service: 'agent', parentSpanId: agentLaunch.spanId });
    const updates = spans.filter((span) => span.name === 'master.status_update');
    expect(updates.map((span) => span.attributes['state'])).toEqual(
      expect.arrayContaining(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']),
    );
    for (const update of updates) expect(spans.map((span) => span.spanId)).toContain(update.parentSpanId);

    // Whoever reads a log finds the trace, and whoever reads a trace finds the logs.
    for (const service of ['agent', 'master']) {
      const log = readFileSync(
        rig.services.find((one) => one.name.startsWith(service))?.logFile ?? '',
        'utf8',
      );
      expect(
        log.split('\n').filter((line) => line.includes(task.id) && line.includes(launched.traceId)),
      ).not.toEqual([]);
    }
  }, 60_000);

  test('what goes wrong is an error of its span, with an event that says why', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    };
    const master = await rig.smallest(env);
    const scheduler = await connect({ master: master.grpc, framework: { name: 'wrong', role: 'test' } });
    cleanup.push(() => scheduler.teardown());
    const offer = await offerWith(scheduler, 'cpus:0.5;mem:32');
    // A name that no shell would take.
    const task = await offer.launch({
      name: 'unstartable',
      command: 'true',
      env: { 'a.b': '1' },
      resources: 'cpus:0.5;mem:32',
    });
    await task.finished().catch(() => undefined);
    // The SDK would not do this: a second launch on the offer, by hand.
    const client = new SchedulerServiceClient(master.grpc, credentials.createInsecure());
    const taskInfo = {
      name: 'late',
      limits: {},
      taskId: { value: 'late' },
      agentId: { value: offer.agentId },
      resources: resourcesToProto(Resources.parse('cpus:0.5;mem:32') as Resources),
    };
    const operation = { type: Offer_Operation_Type.LAUNCH, launch: { taskInfos: [taskInfo] } };
    const accept = { offerIds: [{ value: offer.id }], operations: [operation] };
    await callUnary(client.accept.bind(client), {
      frameworkId: { value: scheduler.frameworkId },
      streamId: '',
      accepts: [accept],
    });
    client.close();

    const failed = (name: string, taskId: string): Span | undefined =>
      receiver.spans.find(
        (span) => span.name === name && span.attributes['task.id'] === taskId && span.status.code === 2,
      );
    const expected = [
      ['agent.launch', task.id],
      ['agent.container.start', task.id],
      ['master.status_update', task.id],
      ['master.launch', 'late'],
    ] as const;
    await eventually('the spans have arrived', () =>
      expected.every(([name, taskId]) => failed(name, taskId) !== undefined),
    );
    expect(
      expected.map(([name, taskId]) => {
        const span = failed(name, taskId);
        return [name, span?.events.map((event) => [event.name, event.attributes['exception.type']])];
      }),
    ).toEqual([
      ['agent.launch', [['exception', 'invalid']]],
      ['agent.container.start', [['exception', 'invalid']]],
      ['master.status_update', [['exception', 'REASON_CONTAINER_LAUNCH_FAILED']]],
      ['master.launch', [['exception', 'REASON_INVALID_OFFERS']]],
    ]);
    const offered = receiver.spans.find(
      (span) => span.name === 'master.offer' && span.attributes['offer.id'] === offer.id,
    );
    expect(failed('master.launch', 'late')).toMatchObject({
      parentSpanId: offered?.spanId,
      status: { message: expect.stringContaining(`offer ${offer.id} is no longer valid`) },
    });
  }, 60_000);
});
