// Prints the documents that are made from code, so that they cannot say anything else than the code does: configuration.md,
// metrics.md, errors.md and task-states.md, from what `make build` compiled; and, in other documents, each block of code that follows a
// line `<!-- include PATH -->`, from that file.
//
//   node docs/tools/generate.js            writes them
//   node docs/tools/generate.js --check    fails, naming each file that is out of date

const { readFileSync, writeFileSync } = require('node:fs');
const { join, relative } = require('node:path');
const prettier = require('prettier');

const root = join(__dirname, '../..');
const built = (folder) => require(join(root, folder, 'dist'));
const { status } = require(require.resolve('@grpc/grpc-js', { paths: [join(root, 'packages/kit')] }));
const { failure, failureKinds, mermaid, taskStates } = built('packages/model');
const { failureOf, grpcStatusOf, renderOptions, toServiceError } = built('packages/kit');
const { masterOptions, createMasterMetrics } = built('services/master');
const { allocatorOptions, createAllocatorMetrics } = built('services/allocator');
const { registryOptions, createRegistryMetrics } = built('services/registry');
const { agentService, createAgentMetrics } = built('services/agent');

const documents = {
  'docs/configuration.md': configuration,
  'docs/metrics.md': metrics,
  'docs/errors.md': errors,
  'docs/task-states.md': taskStatesPage,
  'docs/frameworks/writing-a-framework.md': withIncludes,
  'docs/frameworks/writing-an-executor.md': withIncludes,
  'docs/frameworks/testing.md': withIncludes,
  'packages/sdk/README.md': withIncludes,
};

const note = '<!-- Made by docs/tools/generate.js from the code; change it there, then run `make docs`. -->';

function configuration() {
  return `# Configuration

${note}

Every service reads the same way: a flag beats its environment variable, a variable beats the default, and an empty variable counts
as unset. Flags take a space or \`=\`; lists take commas or the flag several times; a boolean is given alone, with \`true\` or
\`false\`, or negated as \`--no-insecure\`. Durations are \`500ms\`, \`15s\`, \`5m\`, \`1h\`, \`7d\`; \`0\` needs no unit. Something
that cannot be used ends the process with exit status 2 and one line that names the flag and the rule. \`--help\` prints the same
tables.

A service runs as \`node bin/service NAME [FLAG…]\` from a checkout, or \`docker run IMAGE NAME [FLAG…]\` from the image.

${[masterOptions, allocatorOptions, registryOptions, agentService].map((service) => renderOptions(service)).join('\n')}
## Beside the tables

| variable | read by | meaning |
| --- | --- | --- |
| \`OTEL_EXPORTER_OTLP_ENDPOINT\`, \`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT\` | master, allocator, agent | Where spans are sent, as OTLP over HTTP (protobuf). Unset: no tracing, and no cost of it. |
| \`OTEL_TRACES_SAMPLER\`, \`OTEL_TRACES_SAMPLER_ARG\` | master, allocator, agent | The sampler, as in the OpenTelemetry specification. |
| \`OTEL_SDK_DISABLED\` | master, allocator, agent | \`true\` switches tracing off. |
| \`MESETA_MASTER\` | \`meseta\` and the examples | The masters, as \`host:port[,host:port…]\`; 127.0.0.1:5060 if unset. |
| \`MESETA_HTTP_PORT\`, \`MESETA_HEALTH_HOST\` | \`bin/healthcheck\`, in an image | Where the health check asks, if not at the default ports of 127.0.0.1. |
| \`MESETA_TEST_WITHOUT_ETCD\`, \`MESETA_TEST_WITHOUT_PROMETHEUS\`, \`MESETA_TEST_WITHOUT_DOCKER\` | tests | \`1\` leaves out the tests that need it. |

The options of the command line are printed by \`meseta help\` and \`meseta COMMAND --help\`.
`;
}

async function metrics() {
  const services = {
    master: createMasterMetrics(),
    allocator: createAllocatorMetrics(),
    registry: createRegistryMetrics(),
    agent: createAgentMetrics(),
  };
  const sections = [];
  for (const [name, { registry }] of Object.entries(services)) {
    const own = (await seriesOf(registry)).filter((one) => one.name.startsWith('meseta_'));
    sections.push(`## meseta-${name}\n\n${seriesTable(own)}`);
  }
  return `# Metrics

${note}

Each service serves its series for Prometheus at \`/metrics\` of its HTTP port. A name is \`meseta_<service>_<what>_<unit>\`; labels are
states, stages, outcomes and the like, never ids, so their number is bounded. Names that come from outside are bounded: the first 200 roles, 32
resources and 16 elections have series of their own, and the rest count as \`other\`.
Besides, every process has the default series of prom-client: \`process_…\` (cpu, memory, open files, start) and \`nodejs_…\`
(event-loop lag, heap, garbage collection).

${sections.join('\n')}`;
}

async function seriesOf(registry) {
  const types = new Map((await registry.getMetricsAsJSON()).map(({ name, type }) => [name, type]));
  return registry.getMetricsAsArray().map(({ name, help, labelNames, upperBounds }) => ({
    name,
    help,
    type: types.get(name),
    labels: labelNames ?? [],
    buckets: upperBounds ?? [],
  }));
}

function seriesTable(series) {
  const rows = series.map(({ name, help, type, labels, buckets }) => {
    const range = buckets.length === 0 ? type : `${type}, ${buckets[0]} to ${buckets.at(-1)}`;
    return row([`\`${name}\``, range, labels.map((label) => `\`${label}\``).join(', '), help]);
  });
  return [row(['series', 'type', 'labels', 'meaning']), row(['---', '---', '---', '---']), ...rows, ''].join(
    '\n',
  );
}

/** What each kind says to whoever asked. A kind without an entry fails the generation. */
const callerDoes = {
  invalid: 'The request is wrong whatever the state. Change the request.',
  notFound: 'What the request names does not exist, or no longer does.',
  alreadyExists: 'What the request would make exists. Choose another name.',
  conflict:
    'Valid, but not now: an offer was taken back, a framework is not subscribed. Look again before you ask again.',
  fenced: 'The term under which this was decided is over. Read again, then decide again.',
  notLeader:
    'Ask the leader, which the answer names if one is known; else try another address after a pause.',
  overloaded:
    'A queue is full, or the answer is late. Ask again later; of a call that was late the outcome is unknown.',
  denied: 'Not allowed to whoever asked, or not without another flag.',
  unsupported: 'Do without: this version does not serve it.',
  bug: 'A fault in Meseta. The message holds the id under which the server logged it.',
};

function errors() {
  const kinds = failureKinds.map((kind) => {
    if (callerDoes[kind] === undefined)
      throw new Error(`docs/tools/generate.js: callerDoes lacks the kind ${kind}`);
    return row([`\`${kind}\``, `${status[grpcStatusOf[kind]]} (${grpcStatusOf[kind]})`, callerDoes[kind]]);
  });
  const statuses = Object.keys(status)
    .filter((name) => Number.isNaN(Number(name)) && name !== 'OK')
    .map((name) => row([`${name} (${status[name]})`, `\`${kindOfBareStatus(status[name])}\``]));
  const headers = Object.keys(
    toServiceError(failure('notLeader', 'x', { leader: 'host:port', field: 'x' })).metadata.getMap(),
  );
  const meanings = {
    'meseta-failure': 'The kind, on every failure of a Meseta service.',
    'meseta-leader': "The leader's gRPC address as host:port, with `notLeader`, if one is known.",
    'meseta-field': 'The field of the request that broke a rule, with `invalid`, where one field did.',
  };
  for (const header of headers)
    if (meanings[header] === undefined) throw new Error(`no meaning for ${header}`);
  return `# Errors

${note}

A failure is a value: a kind, one line of text that names the field and the rule, and little else
(\`packages/model/src/failure.ts\`). Every kind becomes one gRPC status, in one table that does not compile until it is complete
(\`packages/kit/src/grpc/status.ts\`).

## Kinds

| kind | gRPC status | what the caller does |
| --- | --- | --- |
${kinds.join('\n')}

## Trailing metadata

| key | value |
| --- | --- |
${headers.map((header) => row([`\`${header}\``, meanings[header]])).join('\n')}

A status that comes without \`meseta-failure\` was made by a library or by the network. The client code of this repository reads it so:

| status | read as |
| --- | --- |
${statuses.join('\n')}

## What a framework is told instead of a status

\`Subscribe\` refuses a framework with an \`ERROR\` event, then ends the stream with OK: an id that was torn down, a principal that
changed, a description that breaks a rule, or \`Framework failed over\` when another instance subscribed with the same id. A task that
breaks a rule is answered by a status update \`TASK_ERROR\` with the reason \`REASON_TASK_INVALID\`, and offers that are no longer
valid by \`TASK_DROPPED\` (\`TASK_LOST\` without \`PARTITION_AWARE\`) with \`REASON_INVALID_OFFERS\`; the call itself is OK.

## Exit statuses

| status | services | \`meseta\` |
| --- | --- | --- |
| 0 | closed by SIGTERM or SIGINT; \`--help\`, \`--version\` | success |
| 1 | could not start, could not go on, or could not close | the command failed; a task of \`run\` did not finish |
| 2 | an option that cannot be used | a command or an option that cannot be used |
| 70 | a fault that nobody handled | a fault that nobody handled |
| 124 | | \`run --timeout\` was over |
| 130 | a second signal while closing | interrupted; \`run\` after ctrl-C |

An error is one line on stderr that begins with the program's name, as \`meseta-master: port 5060 of 127.0.0.1 is in use (--port)\`.
`;
}

/** The kind that a status alone stands for, asked of the code that reads it. */
function kindOfBareStatus(code) {
  return failureOf(Object.assign(new Error('x'), { code, details: 'x' })).kind;
}

function taskStatesPage() {
  const rows = Object.entries(taskStates).map(([state, { number, terminal, meaning }]) =>
    row([`\`${state}\``, String(number), terminal ? 'yes' : '', meaning]),
  );
  return `# The states of a task

${note}

From the table in \`packages/model/src/task-state.ts\`, against which the cores assert. Names and numbers are those of the Mesos v1 API.

| state | number | terminal | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}

A terminal task holds no resources and never changes state again. A repeat of the same state is allowed as long as it is not
terminal. A framework without the capability \`PARTITION_AWARE\` is shown \`TASK_LOST\` in place of \`TASK_UNREACHABLE\`,
\`TASK_DROPPED\`, \`TASK_GONE\`, \`TASK_GONE_BY_OPERATOR\` and \`TASK_UNKNOWN\`.

\`\`\`mermaid
${mermaid()}\`\`\`
`;
}

/** The document as it is, with each included block replaced by the file that it names. */
function withIncludes(path) {
  const text = readFileSync(join(root, path), 'utf8');
  const block = /(<!-- include (\S+) -->\n+```\w*\n)[\s\S]*?(?=^```$)/gm;
  return text.replace(block, (_all, head, file) => `${head}${readFileSync(join(root, file), 'utf8')}`);
}

function row(cells) {
  return `| ${cells.join(' | ')} |`;
}

async function main() {
  const check = process.argv.includes('--check');
  let stale = 0;
  for (const [path, make] of Object.entries(documents)) {
    const file = join(root, path);
    const options = await prettier.resolveConfig(file);
    const text = await prettier.format(await make(path), { ...options, filepath: file });
    const now = read(file);
    if (now === text) continue;
    stale += 1;
    if (check) console.error(`${relative(process.cwd(), file)} is out of date: run \`make docs\``);
    else {
      writeFileSync(file, text);
      console.log(`wrote ${relative(process.cwd(), file)}`);
    }
  }
  if (check && stale > 0) process.exitCode = 1;
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

main().catch((error) => {
  console.error(`generate: ${error.message}`);
  process.exitCode = 1;
});
