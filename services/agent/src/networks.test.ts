import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  ContainerInfo_Type,
  ExecutorInfo_Type,
  HealthCheck_Type,
  NetworkInfo_Protocol,
  type ContainerInfo,
  type NetworkInfo,
} from '@meseta/protocol';
import { agentNameOf } from './runtime/create';
import { AgentBench } from './testdata/agent-bench';
import { executorInfo, taskInfo } from './testdata/fake-master';
import { canMakeNetworks, TestNetwork } from './testdata/network';

const suite = canMakeNetworks ? describe : describe.skip;
const exec = promisify(execFile);

function container(
  networkInfos: readonly Partial<NetworkInfo>[],
  more: Partial<ContainerInfo> = {},
): { readonly container: ContainerInfo } {
  const infos = networkInfos.map((info) => ({ ipAddresses: [], groups: [], portMappings: [], ...info }));
  return { container: { type: ContainerInfo_Type.MESOS, volumes: [], networkInfos: infos, ...more } };
}

suite('tasks in networks of CNI', () => {
  let bench: AgentBench;
  let network: TestNetwork;
  let flags: string[];
  beforeAll(async () => {
    network = await TestNetwork.create('at');
    // A second network whose only plugin is a script: it says what it was told, and can be made to fail.
    const plugins = join(network.folder, 'plugins');
    await mkdir(plugins);
    await writeFile(join(plugins, 'script'), scriptPlugin(network.folder));
    await chmod(join(plugins, 'script'), 0o755);
    const script = { cniVersion: '1.0.0', name: 'script', type: 'script' };
    await writeFile(join(network.configs, 'script.conf'), JSON.stringify(script));
    const ipv6 = `fd00:213:${network.otherSubnet.split('.')[2] ?? ''}::/64`;
    const ipam = {
      type: 'host-local',
      ranges: [[{ subnet: `${network.otherSubnet}.0/24` }], [{ subnet: ipv6 }]],
      dataDir: network.pool,
    };
    const six = { cniVersion: '0.4.0', name: 'six', type: 'ptp', ipam };
    await writeFile(join(network.configs, 'six.json'), JSON.stringify(six));
    const images = join(network.folder, 'images');
    await mkdir(join(images, 'tiny/rootfs/bin'), { recursive: true });
    await copyFile('/bin/busybox', join(images, 'tiny/rootfs/bin/busybox'));
    for (const name of ['sh', 'cat', 'sleep', 'hostname', 'ls'])
      await symlink('busybox', join(images, 'tiny/rootfs/bin', name));
    flags = [
      `--network-config-dir=${network.configs}`,
      `--network-plugin-dir=/usr/lib/cni,${plugins}`,
      `--image-directory=${images}`,
      `--default-container-dns={"mesos":[{"network_mode":"CNI","dns":{"nameservers":["192.0.2.99"]}}]}`,
    ];
    bench = await AgentBench.open(flags);
  });
  afterAll(async () => {
    await bench.close();
    await network.remove();
  });

  const infosOf = (id: string) =>
    bench.master.statuses(id).find(({ state }) => state === ('TASK_RUNNING' as unknown))?.containerStatus
      ?.networkInfos;
  const addressOf = (id: string): string => infosOf(id)?.[0]?.ipAddresses[0]?.ipAddress ?? '';
  const pool = async (): Promise<string[]> =>
    (await readdir(join(network.pool, 'at'))).filter((name) => name.startsWith(network.subnet));
  const calls = async (): Promise<string[]> =>
    (await readFile(join(network.folder, 'calls'), 'utf8')).trim().split('\n');

  /** Whether nothing of any network is left. */
  async function expectNothingLeft(): Promise<void> {
    expect(await pool()).toEqual([]);
    expect(await readdir(join(bench.workDir, 'meta/networks'))).toEqual([]);
    expect((await exec('ip', ['link', 'show', 'master', network.bridge])).stdout).toBe('');
    const agent = agentNameOf(bench.workDir);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(`/run/meseta/${agent}/net/`);
  }

  async function end(id: string): Promise<void> {
    bench.master.kill(id, 0);
    await bench.master.untilState(id, 'TASK_KILLED');
  }

  test('G92: a task has its address, its name, its files and no other network', async () => {
    const { master } = bench;
    master.launch(
      't1',
      'ip -o -4 addr; hostname; cat /etc/hosts /etc/hostname /etc/resolv.conf; ls /sys/class/net; echo $MESOS_CONTAINER_IP; echo done; exec sleep 300',
      container([{ name: 'at', labels: { labels: [{ key: 'tier', value: 'web' }] } }], { hostname: 'box-1' }),
    );
    const said = await bench.output('t1', /done/);
    await master.untilState('t1', 'TASK_RUNNING');
    const ip = addressOf('t1');
    expect(ip).toContain(`${network.subnet}.`);
    expect(said.match(/inet [\d./]+/g)).toEqual(['inet 127.0.0.1/8', `inet ${ip}/24`]);
    expect(said).toContain(`\nbox-1\n127.0.0.1 localhost\n`);
    expect(said).toContain(`${ip} box-1\nbox-1\nsearch meseta.test\nnameserver 192.0.2.53\n`);
    expect(said).toContain(`eth0\nlo\n${ip}\ndone`);
    expect(infosOf('t1')).toMatchObject([
      { name: 'at', labels: { labels: [{ key: 'tier', value: 'web' }] } },
    ]);
    expect(await pool()).toContain(ip);
    await end('t1');
    await expectNothingLeft();
  });

  test('G72: what goes over its network is counted, and not what goes over the machine’s', async () => {
    const { master } = bench;
    master.launch(
      'talks',
      `/bin/busybox nc -w 1 ${network.subnet}.1 9 </dev/null; echo done; exec sleep 300`,
      container([{ name: 'at' }]),
    );
    master.launch('host', 'exec sleep 300');
    await bench.output('talks', /done/);
    await master.untilState('talks', 'TASK_RUNNING');
    await master.untilState('host', 'TASK_RUNNING');
    const list = (await (await fetch(`http://${bench.agent.http}/containers`)).json()) as {
      readonly executor_id: string;
      readonly statistics: Readonly<Record<string, number>>;
    }[];
    const of = (id: string) => list.find(({ executor_id: name }) => name === id)?.statistics;
    expect(of('talks')).toMatchObject({
      net_tx_bytes: expect.any(Number),
      net_rx_dropped: expect.any(Number),
    });
    expect(of('talks')?.['net_tx_packets']).toBeGreaterThan(0);
    expect(of('host')?.['net_tx_bytes']).toBeUndefined();
    await end('talks');
    await end('host');
  });

  test('G90: without network_infos a task is on the machine’s network', async () => {
    bench.master.launch('host', 'readlink /proc/self/ns/net; exec sleep 300', container([{}]));
    expect(await bench.output('host', /net:/)).toContain(
      (await exec('readlink', ['/proc/self/ns/net'])).stdout,
    );
    await bench.master.untilState('host', 'TASK_RUNNING');
    expect(infosOf('host')).toMatchObject([{ ipAddresses: [{ ipAddress: '127.0.0.1' }] }]);
    await end('host');
  });

  test('G91: several networks, an address that was asked for, and what the plugins are told', async () => {
    const { master } = bench;
    master.launch(
      't2',
      'ip -o -4 addr; cat /etc/resolv.conf; echo done; exec sleep 300',
      container([
        { name: 'script', groups: ['blue'] },
        { name: 'at', ipAddresses: [{ ipAddress: `${network.subnet}.77` }] },
      ]),
    );
    const said = await bench.output('t2', /done/);
    expect(said).toMatch(new RegExp(`eth1 +inet ${network.subnet}.77/24`));
    // The first network names no servers, so its are those of --default-container-dns.
    expect(said).toContain('nameserver 192.0.2.99\n');
    await master.untilState('t2', 'TASK_RUNNING');
    expect(infosOf('t2')).toMatchObject([
      { name: 'script', groups: ['blue'], ipAddresses: [{ ipAddress: '198.51.100.7' }] },
      { name: 'at', ipAddresses: [{ ipAddress: `${network.subnet}.77` }] },
    ]);
    await end('t2');
    const [add = '', del = ''] = await calls();
    expect(add).toMatch(/^ADD [\w-]{36} \/run\/meseta\/\w+\/net\/[\w-]{36} eth0 \/usr\/lib\/cni:/);
    const { args } = JSON.parse(add.slice(add.indexOf('{'))) as { args: object };
    expect(args).toEqual({ 'org.apache.mesos': { network_info: { name: 'script', groups: ['blue'] } } });
    // What ADD answered is what DEL is told.
    expect(del).toMatch(/^DEL .*"prevResult":\{.*198\.51\.100\.7/);
    await expectNothingLeft();
  });

  test('a plugin that fails fails the task, with its words, and what was joined before is left again', async () => {
    const { master } = bench;
    await writeFile(join(network.folder, 'fail-ADD'), '');
    master.launch('t3', 'true', container([{ name: 'at' }, { name: 'script' }]));
    await master.untilState('t3', 'TASK_FAILED');
    expect(master.statuses('t3').at(-1)).toMatchObject({
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: "cannot join network 'script': plugin script, ADD: out of wires; all are taken",
    });
    expect((await calls()).at(-1)).toMatch(/^DEL /);
    await rm(join(network.folder, 'fail-ADD'));
    await expectNothingLeft();
  });

  test('an unknown network is refused', async () => {
    const { master } = bench;
    master.launch('t4', 'true', container([{ name: 'nowhere' }]));
    await master.untilState('t4', 'TASK_FAILED');
    expect(master.statuses('t4').at(-1)).toMatchObject({
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: "no network 'nowhere' on this agent (network_infos.name)",
    });
    master.launchGroup('lost', [taskInfo('t4-pod', 'true')], container([{ name: 'nowhere' }]));
    await master.untilState('t4-pod', 'TASK_FAILED');
    expect(master.statuses('t4-pod').at(-1)?.message).toBe(master.statuses('t4').at(-1)?.message);
  });

  test('from an image a task finds the same files, whatever the image has of them', async () => {
    const image = { mesos: { image: { docker: { name: 'tiny' } } } } as Partial<ContainerInfo>;
    bench.master.launch(
      't5',
      'cat /etc/hosts /etc/resolv.conf; hostname; ls /sys/class/net; echo done; exec sleep 300',
      container([{ name: 'at' }], image),
    );
    const said = await bench.output('t5', /done/);
    expect(said).toMatch(
      /10\.213\.\d+\.\d+ ([\w-]{36})\nsearch meseta\.test\nnameserver 192\.0\.2\.53\n\1\neth0\nlo\n/,
    );
    await end('t5');
    await expectNothingLeft();
  });

  test('E53: checks of each kind are asked within the task’s network', async () => {
    const { master } = bench;
    // The service listens on the loopback address of its own network only.
    const serve = `exec perl -MIO::Socket::INET -e '${perlServer(8080)}'`;
    const kinds = {
      http: { type: HealthCheck_Type.HTTP, http: { port: 8080, path: '/', statuses: [] } },
      tcp: { type: HealthCheck_Type.TCP, tcp: { port: 8080 } },
      command: {
        type: HealthCheck_Type.COMMAND,
        command: { value: 'ip addr show eth0', uris: [], arguments: [] },
      },
    };
    for (const [kind, check] of Object.entries(kinds)) {
      const healthCheck = { delaySeconds: 0, intervalSeconds: 0.2, gracePeriodSeconds: 10, ...check };
      master.launch(kind, serve, { ...container([{ name: 'at' }]), healthCheck });
    }
    for (const kind of Object.keys(kinds)) {
      await master.until(`${kind} is healthy`, () =>
        master.statuses(kind).some(({ healthy }) => healthy === true),
      );
      await end(kind);
    }
    await expectNothingLeft();
  }, 30_000);

  test('the tasks of a pod share a network, and no other pod does', async () => {
    const { master } = bench;
    const serve = (text: string) => `exec perl -MIO::Socket::INET -e '${perlServer(8081, text)}'`;
    const ask = `for i in $(seq 100); do exec 3<>/dev/tcp/127.0.0.1/8081 && break; sleep 0.1; done; echo >&3; cat <&3; echo; echo "$MESOS_CONTAINER_IP"; hostname`;
    const asking = `bash -c '${ask}' 2>/dev/null; echo done; exec sleep 300`;
    for (const pod of ['a', 'b'])
      master.launchGroup(
        `pod-${pod}`,
        [taskInfo(`server-${pod}`, serve(pod)), taskInfo(`client-${pod}`, asking)],
        container([{ name: 'at' }]),
      );
    for (const pod of ['a', 'b']) {
      await master.untilState(`client-${pod}`, 'TASK_RUNNING');
      const said = await bench.output(`pod-${pod}`, /done/, ['tasks', `client-${pod}`, 'stdout']);
      const ip = addressOf(`client-${pod}`);
      expect(said).toMatch(new RegExp(`\r\n${pod}\n${ip.replaceAll('.', '\\.')}\n`));
      expect(addressOf(`server-${pod}`)).toBe(ip);
    }
    expect(addressOf('server-a')).not.toBe(addressOf('server-b'));
    expect(await pool()).toHaveLength(2);
    // One of them ends well: the network stays for the other, and a restarted agent knows whose it is.
    await bench.restart(flags);
    master.kill('server-a', 0);
    for (const id of ['server-a', 'client-a']) await master.untilState(id, 'TASK_KILLED');
    expect(await pool()).toEqual([addressOf('server-b')]);
    master.kill('server-b', 0);
    for (const id of ['server-b', 'client-b']) await master.untilState(id, 'TASK_KILLED');
    await expectNothingLeft();
  });

  test('a pod on the machine’s network is told the machine’s address', async () => {
    const { master } = bench;
    master.launchGroup('pod-host', [taskInfo('plain', 'echo "ip $MESOS_CONTAINER_IP"')]);
    await master.untilState('plain', 'TASK_FINISHED');
    expect(await bench.output('pod-host', /ip/, ['tasks', 'plain', 'stdout'])).toBe('ip 127.0.0.1\n');
  });

  test('the tasks of a custom executor are in its network', async () => {
    const { master } = bench;
    const program = 'ip -o -4 addr show eth0; echo "$MESOS_CONTAINER_IP"; echo done; exec sleep 300';
    const executor = executorInfo('custom', {
      type: ExecutorInfo_Type.CUSTOM,
      command: { value: program, uris: [], arguments: [] },
      shutdownGracePeriod: { nanoseconds: 1_000_000n },
      ...container([{ name: 'at' }]),
    });
    master.launch('t7', '', { command: undefined, executor });
    const said = await bench.output('custom', /done/);
    const ip = /inet ([\d.]+)/.exec(said)?.[1] ?? '';
    expect(said).toContain(`\n${ip}\ndone`);
    const shown: unknown = await (await fetch(`http://${bench.agent.http}/containers`)).json();
    expect(shown).toMatchObject([
      { status: { network_infos: [{ name: 'at', ip_addresses: [{ ip_address: ip }] }] } },
    ]);
    master.say({
      $case: 'shutdownExecutor',
      value: { frameworkId: { value: 'framework' }, executorId: { value: 'custom' } },
    });
    await master.untilState('t7', 'TASK_KILLED');
    await expectNothingLeft();
  });

  test('IPv6: both addresses are told, and a check asks by the protocol that it names', async () => {
    const { master } = bench;
    const serve = `exec perl -MIO::Socket::IP -e '${perlServer(8082).replace('127.0.0.1', '::1').replace('INET', 'IP')}'`;
    const healthCheck = {
      type: HealthCheck_Type.HTTP,
      http: { protocol: NetworkInfo_Protocol.IPv6, port: 8082, path: '/', statuses: [] },
      delaySeconds: 0,
      intervalSeconds: 0.2,
      gracePeriodSeconds: 10,
    };
    master.launch('six', serve, { ...container([{ name: 'six' }]), healthCheck });
    await master.until('it is healthy', () => master.statuses('six').some(({ healthy }) => healthy === true));
    expect(infosOf('six')?.[0]?.ipAddresses).toMatchObject([
      { protocol: 'IPv4', ipAddress: expect.stringContaining(`${network.otherSubnet}.`) },
      { protocol: 'IPv6', ipAddress: expect.stringMatching(/^fd00:213:/) },
    ]);
    await end('six');
    await expectNothingLeft();
  }, 20_000);

  test('what ended while the agent was away is signed off when it is back', async () => {
    const { master } = bench;
    master.launch('t6', 'sleep 1', container([{ name: 'at' }]));
    await master.untilState('t6', 'TASK_RUNNING');
    await bench.agent.close();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await pool()).toHaveLength(1);
    await bench.start(flags);
    await master.untilState('t6', 'TASK_FINISHED');
    await expectNothingLeft();
  });

  test('a network that cannot be left holds up no end, and is tried again', async () => {
    const { master } = bench;
    master.launch('t8', 'exec sleep 300', container([{ name: 'at' }, { name: 'script' }]));
    await master.untilState('t8', 'TASK_RUNNING');
    await writeFile(join(network.folder, 'fail-DEL'), '');
    await end('t8');
    const [left = ''] = await readdir(join(bench.workDir, 'meta/networks'));
    expect(await pool()).toHaveLength(1);
    await rm(join(network.folder, 'fail-DEL'));
    await bench.restart(flags);
    expect((await calls()).at(-1)).toContain(`DEL ${left} /run/meseta/`);
    await expectNothingLeft();
  });

  test('an agent that died while a plugin was asked undoes that, with the configuration of then', async () => {
    await bench.agent.close();
    const record = join(bench.workDir, 'meta/networks/half-way');
    await mkdir(record, { recursive: true });
    const then = { name: 'gone', cniVersion: '0.4.0', plugins: [{ type: 'script', wire: 7 }] };
    const attachment = { network: then, ifName: 'eth0', capabilityArguments: {}, mesosArguments: {} };
    await writeFile(
      join(record, 'network.json'),
      JSON.stringify({ hostname: 'x', attachments: [attachment] }),
    );
    // Two others were not, or not wholly, written down.
    for (const name of ['not-begun', 'not-whole']) await mkdir(join(bench.workDir, 'meta/networks', name));
    await writeFile(join(bench.workDir, 'meta/networks/not-whole/network.json'), '{"hostname":"x","atta');
    await bench.start(flags);
    // Its namespace is not there any more, so none is named.
    const last = (await calls()).at(-1) ?? '';
    expect(last).toMatch(/^DEL half-way {2}eth0 /);
    expect(JSON.parse(last.slice(last.indexOf('{')))).toMatchObject({ name: 'gone', wire: 7 });
    await expectNothingLeft();
  });

  test('G19: an agent that leaves the cluster gives back what its tasks had', async () => {
    const { master } = bench;
    master.launch('t9', 'exec sleep 300', container([{ name: 'at' }]));
    await master.untilState('t9', 'TASK_RUNNING');
    await bench.agent.unregister('on leave');
    await bench.agent.close();
    await expectNothingLeft();
    await bench.start(flags);
  });
});

/** A plugin of CNI that notes every call, and fails at a command while there is a file `fail-ADD` or `fail-DEL`. */
function scriptPlugin(folder: string): string {
  const result = { cniVersion: '1.0.0', ips: [{ address: '198.51.100.7/24' }] };
  return `#!/bin/sh
echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_PATH $(cat)" >>${folder}/calls
[ -e ${folder}/fail-$CNI_COMMAND ] || { [ "$CNI_COMMAND" = DEL ] || echo '${JSON.stringify(result)}'; exit 0; }
echo '{"cniVersion":"1.0.0","code":100,"msg":"out of wires","details":"all are taken"}'
exit 1
`;
}

/** The text of a Perl program that answers whoever connects to 127.0.0.1 and sends an empty line with a page. */
function perlServer(port: number, text = 'ok'): string {
  return `my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => ${port}, Listen => 5, ReuseAddr => 1) or die "cannot listen: $!"; while (my $c = $s->accept) { while (<$c>) { last if /^\\r?$/ } print $c "HTTP/1.0 200 OK\\r\\n\\r\\n${text}"; close $c }`;
}
