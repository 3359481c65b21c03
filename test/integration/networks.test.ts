import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceProcess } from '@meseta/cli';
import { connect, type Offer, type Scheduler, type Task, type TaskSpec, type TaskUpdate } from '@meseta/sdk';
import { canMakeNetworks, CniNetwork } from './cni-network';
import { eventually, freePort, meseta, offerWith, Rig } from './harness';

// Tasks on networks, through processes: on bridges by the reference plugins of CNI, and on the machine's own.

const suite = canMakeNetworks ? describe : describe.skip;

suite('networks of tasks', () => {
  const rig = new Rig();
  const folder = mkdtempSync(join(tmpdir(), 'meseta-cni-'));
  const network = new CniNetwork(folder, 'it');
  const workDir = join(rig.folder, 'agent');
  const updates: TaskUpdate[] = [];
  let master: ServiceProcess;
  let agent: ServiceProcess;
  let agentArgs: string[];
  let scheduler: Scheduler;
  let mapped: number;

  beforeAll(async () => {
    mapped = await freePort();
    const registry = await rig.start('registry', ['--store', 'memory']);
    const allocator = await rig.start('allocator', []);
    master = await rig.start('master', ['--registry', registry.grpc, '--allocator', allocator.grpc]);
    agentArgs = [
      ...['--master', master.grpc, '--work-dir', workDir, '--runtimes', 'process'],
      ...['--resources', `cpus:8;mem:2048;disk:1000;ports:[${mapped}-${mapped}]`],
      ...['--network-config-dir', network.configs],
      ...['--enforce-container-ports', '--container-ports-watch-interval', '200ms'],
    ];
    agent = await rig.start('agent', agentArgs);
    scheduler = await connect({
      master: master.grpc,
      framework: { name: 'networks', role: 'net', failoverTimeoutMs: '1m' },
      onUpdate: (update) => void updates.push(update),
    });
  }, 60_000);
  afterAll(async () => {
    await release();
    await rig.stop();
    network.remove();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  /** Ends the framework and its tasks, once. */
  let released: Promise<void> | undefined;
  const release = (): Promise<void> => (released ??= scheduler.teardown());
  const offer = (resources = 'cpus:1;mem:128;disk:10'): Promise<Offer> => offerWith(scheduler, resources);
  const launch = async (name: string, command: string, more: Partial<TaskSpec> = {}): Promise<Task> => {
    const { resources = 'cpus:0.1;mem:32' } = more;
    const spec = { name, command, ...more, resources };
    return (await offerWith(scheduler, String(resources))).launch(spec, { refuseFor: 0 });
  };
  /** What a task has printed, by the command line. */
  const output = async (task: Task, wanted: RegExp): Promise<string> => {
    let said = '';
    await eventually(`${task.id} prints ${String(wanted)}`, async () => {
      said = (await meseta(['logs', task.id], master.grpc)).stdout;
      return wanted.test(said);
    });
    return said;
  };
  const addressOf = (task: Task): string => {
    const running = updates.find(({ taskId, state }) => taskId === task.id && state === 'TASK_RUNNING');
    return running?.status.containerStatus?.networkInfos[0]?.ipAddresses[0]?.ipAddress ?? '';
  };
  const kill = async (...tasks: readonly (Task | undefined)[]): Promise<void> => {
    for (const task of tasks) await task?.kill();
    for (const task of tasks) await task?.finished();
  };

  test('two tasks on one network reach each other by address, and meseta shows it and enters it', async () => {
    const server = await launch('server', serve('0.0.0.0', 8000, 'hello'), { network: 'it' });
    await server.running();
    const ip = addressOf(server);
    expect(ip).toContain(network.subnet);
    const client = await launch('client', `${ask(ip, 8000)}; exec sleep 600`, { network: 'it' });
    expect(await output(client, /\n/)).toBe('hello\n');
    expect(addressOf(client)).not.toBe(ip);
    expect((await meseta(['task', server.id], master.grpc)).stdout).toContain(`it ${ip}`);
    const inside = await meseta(['exec', client.id, 'ip', '-o', '-4', 'addr', 'show', 'eth0'], master.grpc);
    expect(inside.stdout).toContain(`inet ${addressOf(client)}/24`);
    expect(network.addresses()).toHaveLength(2);
    await kill(server, client);
    expect([network.addresses(), network.interfaces()]).toEqual([[], '']);
  }, 60_000);

  test('the tasks of a pod talk over localhost; nobody else hears it', async () => {
    const port = await freePort();
    const [server, client] = await (
      await offer()
    ).launchGroup(
      {
        name: 'pod',
        network: 'it',
        tasks: [
          { name: 'pod-server', command: serve('127.0.0.1', port, 'within'), resources: 'cpus:0.1;mem:32' },
          {
            name: 'pod-client',
            command: `${ask('127.0.0.1', port)}; echo "$MESOS_CONTAINER_IP"; exec sleep 600`,
            resources: 'cpus:0.1;mem:32',
          },
        ],
      },
      { refuseFor: 0 },
    );
    if (server === undefined || client === undefined) throw new Error('the group has two tasks');
    await client.running();
    expect(await output(client, /within\n.+\n/)).toBe(`within\n${addressOf(client)}\n`);
    expect(addressOf(client)).toBe(addressOf(server));
    const stranger = await launch('stranger', `${ask('127.0.0.1', port, 1)} || echo refused`);
    expect(await output(stranger, /\n/)).toBe('refused\n');
    await kill(server, client);
    expect([network.addresses(), network.interfaces()]).toEqual([[], '']);
  }, 60_000);

  test('a port of the machine leads into the network', async () => {
    const web = await launch('web', serve('0.0.0.0', 80, 'mapped'), {
      resources: `cpus:0.1;mem:32;ports:[${mapped}-${mapped}]`,
      network: 'it',
      portMappings: [{ hostPort: mapped, containerPort: 80, protocol: 'tcp' }],
    });
    await web.running();
    for (const host of ['127.0.0.1', machineAddress()])
      await eventually(`${host}:${mapped} answers`, async () => {
        return (await (await fetch(`http://${host}:${mapped}`)).text()) === 'mapped';
      });
    await kill(web);
    await expect(fetch(`http://127.0.0.1:${mapped}`)).rejects.toThrow();
    const wrong = await launch('wrong', 'true', {
      network: 'it',
      portMappings: [{ hostPort: mapped, containerPort: 80 }],
    });
    await wrong.finished();
    expect([wrong.state, wrong.last?.message]).toEqual([
      'TASK_FAILED',
      `network_infos.port_mappings.host_port must be among the task’s ports, and ${mapped} is not`,
    ]);
  }, 60_000);

  test('an agent that is killed and comes back still gives back what its tasks had', async () => {
    const brief = await launch('brief', 'sleep 1', { network: 'it' });
    const long = await launch('long', 'exec sleep 600', { network: 'it' });
    await brief.running();
    await long.running();
    expect(network.addresses()).toHaveLength(2);
    agent.kill('SIGKILL');
    await agent.ended;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    agent = await rig.start('agent', agentArgs);
    expect((await brief.finished()).state).toBe('TASK_FINISHED');
    expect(network.addresses()).toEqual([addressOf(long)]);
    const probe = await meseta(['exec', long.id, 'hostname', '-I'], master.grpc);
    expect(probe.stdout).toContain(addressOf(long));
    await kill(long);
    expect([network.addresses(), network.interfaces()]).toEqual([[], '']);
    expect(readdirSync(join(workDir, 'meta/networks'))).toEqual([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(long.id);
    const log = readFileSync(agent.logFile, 'utf8');
    expect(log).not.toContain('"level":"error"');
  }, 60_000);

  test('a task that takes a port which is not its own is ended', async () => {
    const port = await freePort();
    const squatter = await launch('squatter', serve('0.0.0.0', port, 'mine'));
    await squatter.finished();
    expect([squatter.state, squatter.last?.reason, squatter.last?.message]).toEqual([
      'TASK_FAILED',
      'CONTAINER_LIMITATION',
      `Listens on port ${port}: it has no ports`,
    ]);
  }, 60_000);

  test('a configuration that is wrong stops the start, with the file and the rule', async () => {
    const wrong = new CniNetwork(join(folder, 'wrong'), '..');
    await expect(
      rig.start('agent', [
        '--master',
        master.grpc,
        '--work-dir',
        join(rig.folder, 'other'),
        '--network-config-dir',
        wrong.configs,
      ]),
    ).rejects.toThrow(/\.\.\.conflist: name must begin with a letter or digit/);
  }, 60_000);

  test('frameworks are told by an attribute which networks there are', async () => {
    const { attributes } = (await offer()).message;
    expect(attributes.find(({ name }) => name === 'networks')?.text?.value).toBe('it');
  }, 60_000);

  test('what was asked of networks is counted', async () => {
    const text = await (await fetch(`http://${agent.http}/metrics`)).text();
    expect(text).toMatch(/meseta_agent_network_commands_total\{command="DEL",outcome="ok"\} [1-9]/);
    expect(text).toContain('meseta_agent_network_command_seconds_count{command="DEL"}');
  });

  test('meseta run joins a network, and says which it does not find', async () => {
    // Its offers are another's now.
    await release();
    const found = await meseta(['run', '--network', 'it', 'hostname -I'], master.grpc);
    expect([found.code, found.stdout]).toEqual([0, expect.stringContaining(network.subnet)]);
    const unknown = await meseta(['run', '--network', 'nowhere', 'true'], master.grpc);
    expect(unknown.code).not.toBe(0);
    expect(unknown.stderr).toContain("no network 'nowhere' on this agent (network_infos.name)");
  }, 60_000);
});

/** A command that answers HTTP with a text. */
function serve(host: string, port: number, text: string): string {
  const program = `my $s = IO::Socket::INET->new(LocalAddr => "${host}", LocalPort => ${port}, Listen => 9, ReuseAddr => 1) or die; while (my $c = $s->accept) { while (<$c>) { last if /^\\r?$/ } print $c "HTTP/1.0 200 OK\\r\\nContent-Length: ${text.length}\\r\\n\\r\\n${text}"; close $c }`;
  return `exec perl -MIO::Socket::INET -e '${program}'`;
}

/** A command that prints what such a server answers, once it does. */
function ask(host: string, port: number, tries = 100): string {
  const connect = `for i in $(seq ${tries}); do exec 3<>/dev/tcp/${host}/${port} && break; sleep 0.1; done`;
  return `bash -c '${connect}; { echo >&3 && tail -n 1 <&3 && echo; } 2>/dev/null' 2>/dev/null`;
}

/** The machine's address as others see it. */
function machineAddress(): string {
  const all = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    /^(lo|docker|mst-|br-|veth)/.test(name) ? [] : addresses,
  );
  return all.find(({ family }) => family === 'IPv4')?.address ?? '127.0.0.1';
}
