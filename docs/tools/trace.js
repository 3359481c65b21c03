// Prints the trace of one launch, as a tree: `make trace`. A cluster of this machine sends its spans here instead of to a collector.
//
//   node docs/tools/trace.js

const { mkdtempSync, rmSync } = require('node:fs');
const { createServer } = require('node:http');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { anyPorts, startLocalCluster } = require('@meseta/cli');
const { connect } = require('@meseta/sdk');

const spans = [];

/** An OTLP receiver for JSON over HTTP. */
function startReceiver() {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => (body += data));
    request.on('end', () => {
      for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans)
        for (const scope of scopeSpans)
          for (const span of scope.spans)
            spans.push({ ...span, service: valuesOf(resource.attributes)['service.name'] });
      response.end('{}');
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function valuesOf(attributes) {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

async function launchOne(master) {
  const scheduler = await connect({ master, framework: { name: 'trace', role: 'trace' } });
  for await (const offer of scheduler.offers()) {
    const task = await offer.launch({ name: 'one', command: 'true', resources: 'cpus:0.1;mem:32' });
    await task.finished();
    await scheduler.teardown();
    return task.id;
  }
}

/** One line for each span, children below their parent, times from the beginning of the trace. */
function printTree(taskId) {
  const launch = spans.find(
    (span) => span.name === 'master.launch' && valuesOf(span.attributes)['task.id'] === taskId,
  );
  const trace = spans.filter((span) => span.traceId === launch.traceId);
  const at = (nanos) => Number(BigInt(nanos) / 1000n) / 1000;
  const beganMs = Math.min(...trace.map((span) => at(span.startTimeUnixNano)));
  const print = (span, indent) => {
    const attributes = Object.entries(valuesOf(span.attributes)).map(([key, value]) => `${key}=${value}`);
    const from = (at(span.startTimeUnixNano) - beganMs).toFixed(1);
    const took = (at(span.endTimeUnixNano) - at(span.startTimeUnixNano)).toFixed(1);
    console.log(
      `${`${indent}${span.name}`.padEnd(32)} ${span.service.padEnd(9)} +${from} ms, ${took} ms  ${attributes.join(' ')}`,
    );
    const children = trace.filter((one) => one.parentSpanId === span.spanId);
    children.sort((a, b) => (BigInt(a.startTimeUnixNano) < BigInt(b.startTimeUnixNano) ? -1 : 1));
    for (const child of children) print(child, `${indent}  `);
  };
  for (const span of trace) if (!trace.some((one) => one.spanId === span.parentSpanId)) print(span, '');
}

async function main() {
  const receiver = await startReceiver();
  const workDir = mkdtempSync(join(tmpdir(), 'meseta-trace-'));
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.address().port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  };
  const agents = [{ resources: 'cpus:1;mem:256' }];
  const cluster = await startLocalCluster({ agents, runtimes: 'process', env, workDir, ports: anyPorts });
  let taskId;
  try {
    taskId = await launchOne(cluster.master);
  } finally {
    // Services send what they still have before they end.
    await cluster.stop();
    receiver.close();
    rmSync(workDir, { recursive: true, force: true });
  }
  printTree(taskId);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
