// Runs every client of this folder on one cluster, at the same time, and checks with the operator API what became of their tasks.
//
//   make clients                                  all of them; a toolchain that is missing is a failure
//   MESETA_CLIENTS=python,go make clients         these; the others are said to be skipped
//
// A client is a folder with setup.sh (generates its stubs and builds it; exit status 69 and one line if the toolchain is missing) and
// run.sh MASTERS (subscribes as `client-FOLDER`, runs `hello` to its end, kills `sleeper`, tears down).
'use strict';

const { spawn } = require('node:child_process');
const { mkdtempSync, readdirSync, existsSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { delimiter, join, resolve } = require('node:path');
const { anyPorts, startLocalCluster } = require('@meseta/cli');
const { OperatorClient, connect } = require('@meseta/sdk');

const root = resolve(__dirname, '../..');
const wanted = { hello: 'TASK_FINISHED', sleeper: 'TASK_KILLED' };
/** The exit status of a setup.sh whose toolchain is missing (EX_UNAVAILABLE of sysexits.h). */
const toolchainMissing = 69;
const setupMaxMs = 900_000;
/** The clients themselves give up after two minutes. */
const runMaxMs = 150_000;

/** What runs now: each in a process group of its own, so that what a script starts ends with it. */
const running = new Set();
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    // What runs ends, what would come next does not start, and so the cluster is stopped and its folder removed as always.
    interrupted = true;
    running.forEach(endGroup);
  });
process.once('exit', () => running.forEach(endGroup));

main().then(
  (good) => process.exit(good ? 0 : 1),
  (error) => {
    console.error(`clients: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  },
);

async function main() {
  const clients = chosen();
  const ready = [];
  for (const client of clients) if (await setUp(client)) ready.push(client);
  if (ready.length < clients.length) {
    if (ready.length > 0)
      console.error(`clients: nothing was run; MESETA_CLIENTS=${ready} runs those that can`);
    return false;
  }
  const home = mkdtempSync(join(tmpdir(), 'meseta-clients-'));
  const cluster = await startLocalCluster({
    workDir: join(home, 'cluster'),
    masters: 2,
    // Fewer agents than clients: somebody has to wait for what another gives back.
    agents: ['a', 'b'].map((name) => ({ hostname: name, resources: 'cpus:1;mem:512' })),
    ports: anyPorts,
    runtimes: 'process',
  });
  const operator = new OperatorClient({ master: cluster.master });
  try {
    return await runOn(cluster, operator, ready);
  } finally {
    operator.close();
    await cluster.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** The folders to run, from MESETA_CLIENTS if it is set. What is left out is said. */
function chosen() {
  const all = readdirSync(__dirname)
    .filter((name) => existsSync(join(__dirname, name, 'run.sh')))
    .sort();
  const given = process.env.MESETA_CLIENTS?.split(/[ ,]+/).filter((name) => name !== '') ?? [];
  if (given.length === 0) return all;
  const unknown = given.filter((name) => !all.includes(name));
  if (unknown.length > 0)
    throw new Error(`MESETA_CLIENTS: there is no client ${unknown.join(', ')}: ${all.join(', ')} are`);
  const left = all.filter((name) => !given.includes(name));
  if (left.length > 0) console.log(`skipped, since MESETA_CLIENTS does not name them: ${left.join(', ')}`);
  return all.filter((name) => given.includes(name));
}

/** Generates and builds one client. Says in one line what is missing or, at length, what failed. */
async function setUp(client) {
  const startedMs = performance.now();
  const { status, output } = await run(client, 'setup.sh', [], setupMaxMs);
  if (status === 0) {
    console.log(`${client.padEnd(8)} set up in ${seconds(startedMs)}`);
  } else if (status === toolchainMissing) {
    console.error(`${client.padEnd(8)} needs what is missing here: ${output.trim()}`);
  } else {
    console.error(`${client.padEnd(8)} setup.sh failed with ${status}\n${output}`);
  }
  return status === 0;
}

/** Runs the clients, the standby's address first, and prints one line for each. Returns whether all did as they should. */
async function runOn(cluster, operator, clients) {
  const { standby, leader } = await roles(cluster);
  const masters = `${standby},${leader}`;
  console.log(`two masters, ${leader} leads; two agents with cpus:1;mem:512 each`);
  // A framework of the SDK sits on every offer until all clients have subscribed, so that none is gone before another has come.
  const first = await connect({ master: masters, framework: { name: 'first-come', role: 'clients' } });
  const startedMs = performance.now();
  const runs = clients.map((client) => run(client, 'run.sh', [masters], runMaxMs));
  try {
    await untilSubscribed(operator, clients, Promise.race(runs));
  } finally {
    await first.teardown();
  }
  const results = await Promise.all(runs);
  const { frameworks = [], completedFrameworks = [] } = (await operator.frameworks()) ?? {};
  let good = true;
  for (const [index, client] of clients.entries()) {
    const { status, output, endedMs } = results[index];
    const wrong = [];
    if (status !== 0) wrong.push(`it ended with ${status}`);
    if (!output.includes(`${standby} does not serve`))
      wrong.push(`it did not say that it was sent away by the standby ${standby}`);
    if (!output.includes(`subscribed at ${leader}`)) wrong.push(`it did not subscribe at ${leader}`);
    if (frameworks.some(named(client))) wrong.push('its framework is still there');
    const gone = completedFrameworks.filter(named(client));
    if (gone.length !== 1) wrong.push(`${gone.length} of its frameworks were torn down, not 1`);
    const frameworkId = gone[0]?.frameworkInfo?.id?.value;
    if (frameworkId !== undefined) wrong.push(...wrongTasks(await operator.tasks({ frameworkId })));
    const name = client.padEnd(8);
    if (wrong.length === 0) {
      const took = ((endedMs - startedMs) / 1000).toFixed(1);
      console.log(
        `${name} ok in ${took} s: sent on to the leader, framework ${frameworkId}, hello FINISHED, sleeper KILLED`,
      );
    } else {
      good = false;
      console.error(`${name} FAILED: ${wrong.join('; ')}\n${output.replace(/^/gm, '    ')}`);
    }
  }
  return good;
}

const named = (client) => (framework) => framework.frameworkInfo?.name === `client-${client}`;

/** Compares the tasks that the master knows of a framework with those that it should have run. */
function wrongTasks(tasks) {
  const { completedTasks = [], ...others } = tasks ?? {};
  const wrong = Object.entries(others)
    .filter(([, list]) => list.length > 0)
    .map(([kind, list]) => `${list.length} ${kind}`);
  const ids = new Set([...Object.keys(wanted), ...completedTasks.map((task) => task.taskId?.value)]);
  for (const id of ids) {
    const states = completedTasks.filter((task) => task.taskId?.value === id).map((task) => task.state);
    const state = states.join(' and ') || 'unknown';
    if (state !== wanted[id]) wrong.push(`task ${id} is ${state}, not ${wanted[id] ?? 'one of its tasks'}`);
  }
  return wrong;
}

/** Which of the masters leads. */
async function roles(cluster) {
  const addresses = cluster.masters.map((master) => master.grpc);
  const asked = addresses.map(async (address) => {
    const client = new OperatorClient({ master: address });
    return client.version().finally(() => client.close());
  });
  const leads = (await Promise.all(asked)).map((version) => version.leading);
  const [leader, standby] = [addresses[leads.indexOf(true)], addresses[leads.indexOf(false)]];
  if (leader === undefined || standby === undefined) throw new Error('of two masters not exactly one leads');
  return { leader, standby };
}

/** Waits until all clients are subscribed at once, or one has ended without. */
async function untilSubscribed(operator, clients, oneEnded) {
  let over = false;
  void oneEnded.then(() => (over = true));
  for (;;) {
    const frameworks = (await operator.frameworks())?.frameworks ?? [];
    if (over || clients.every((client) => frameworks.some(named(client)))) return;
    await new Promise((wait) => setTimeout(wait, 50));
  }
}

/** Runs a script of a client. Resolves with its exit status, or the signal that ended it, and what it printed. */
function run(client, script, args, limitMs) {
  return new Promise((done) => {
    if (interrupted) return done({ status: 'an interruption', output: '', endedMs: performance.now() });
    const path = `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}`;
    const child = spawn(join(__dirname, client, script), args, {
      env: { ...process.env, PATH: path },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    running.add(child);
    let output = '';
    const add = (chunk) => (output += chunk);
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    const late = setTimeout(() => {
      output += `it was cut off after ${limitMs / 1000} s\n`;
      endGroup(child);
    }, limitMs);
    const end = (status) => {
      clearTimeout(late);
      running.delete(child);
      done({ status, output, endedMs: performance.now() });
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(code ?? signal));
  });
}

function endGroup(child) {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

function seconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
