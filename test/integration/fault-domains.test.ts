import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceProcess } from '@meseta/cli';
import {
  connect,
  type FrameworkCapability,
  type Offer,
  type OperatorClient,
  type Scheduler,
} from '@meseta/sdk';
import { Rig, eventually, freePort, meseta, operatorOf, repository, run } from './harness';

describe('a cluster in two regions', () => {
  const rig = new Rig();
  const schedulers: Scheduler[] = [];
  let registry: ServiceProcess;
  let allocator: ServiceProcess;
  let master: ServiceProcess;
  let operator: OperatorClient;

  const masterArgs = (): string[] => ['--registry', registry.grpc, '--allocator', allocator.grpc];

  const agent = (name: string, ...args: string[]): Promise<ServiceProcess> =>
    rig.start('agent', [
      ...['--master', master.grpc, '--work-dir', join(rig.folder, name), '--hostname', name],
      ...['--resources', 'cpus:1;mem:64', '--runtimes', 'process', ...args],
    ]);

  /** A framework, and all offers that it was made. */
  const offersTo = async (name: string, capabilities: FrameworkCapability[]): Promise<Offer[]> => {
    const scheduler = await connect({ master: master.grpc, framework: { name, role: name, capabilities } });
    schedulers.push(scheduler);
    const offers: Offer[] = [];
    void (async () => {
      for await (const offer of scheduler.offers()) offers.push(offer);
    })().catch(() => undefined);
    return offers;
  };

  const hostsOf = (offers: readonly Offer[]): string[] => offers.map(({ hostname }) => hostname).sort();
  const agentHosts = async (): Promise<string[]> =>
    (await operator.agents()).statuses.map(({ agentInfo }) => agentInfo?.hostname ?? '').sort();
  const logOf = ({ logFile }: ServiceProcess): string => readFileSync(logFile, 'utf8');

  beforeAll(async () => {
    registry = await rig.start('registry', ['--store', 'memory']);
    allocator = await rig.start('allocator', []);
    master = await rig.start('master', [...masterArgs(), '--domain', 'eu/a']);
    operator = operatorOf(master.grpc);
    const place = { fault_domain: { region: { name: 'eu' }, zone: { name: 'b' } } };
    await agent('near', '--domain', JSON.stringify(place));
    await agent('far', '--domain', 'us/a');
    await agent('silent');
    await eventually('all agents are there', async () => (await agentHosts()).length === 3);
  }, 60_000);
  afterAll(async () => {
    for (const scheduler of schedulers) await scheduler.stop();
    operator.close();
    await rig.stop();
  }, 60_000);

  test('another region is offered to frameworks that span regions, and offers say where their agents are', async () => {
    const home = await offersTo('home', []);
    await eventually('agents of the region are offered', () => home.length === 2);
    const wide = await offersTo('wide', ['REGION_AWARE']);
    await eventually('the other region is offered', () => wide.length === 1);
    expect([hostsOf(home), hostsOf(wide)]).toEqual([['near', 'silent'], ['far']]);
    expect(wide[0]?.domain).toEqual({ region: 'us', zone: 'a' });
    expect(home.map(({ hostname, domain }) => [hostname, domain]).sort()).toEqual([
      ['near', { region: 'eu', zone: 'b' }],
      ['silent', undefined],
    ]);
    const { stdout } = await meseta(['explain', schedulers[0]?.frameworkId ?? '', '--master', master.grpc]);
    expect(stdout).toContain('the agent is in region us and the framework lacks the capability REGION_AWARE');
  }, 60_000);

  test('the operator is told where everybody is', async () => {
    expect((await operator.leader()).master?.masterInfo?.domain?.faultDomain).toEqual({
      region: { name: 'eu' },
      zone: { name: 'a' },
    });
    const { stdout } = await meseta(['agents', '--master', master.grpc]);
    expect(stdout).toMatch(/near .* eu\/b /);
    expect(stdout).toMatch(/far .* us\/a /);
    const json = await meseta(['agent', 'far', '-o', 'json', '--master', master.grpc]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      agentInfo: { domain: { faultDomain: { region: { name: 'us' }, zone: { name: 'a' } } } },
    });
  }, 60_000);

  test('a master of another region does not stand by', async () => {
    const { code, stderr } = await run(process.execPath, [
      join(repository, 'services/master/dist/main.js'),
      ...['--port', '0', '--http-port', '0', ...masterArgs(), '--domain', 'us/a'],
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'meseta-master: --domain: this master is in region us, and the leader in region eu: all masters of a cluster must be in one region',
    );
    const standby = await rig.start('master', [...masterArgs(), '--domain', 'eu/c']);
    await eventually('one of the same region does', async () => {
      return (await fetch(`http://${standby.http}/health/ready`)).ok;
    });
    await standby.stop();
  }, 60_000);

  test('who may not register is told why, asks again, and is taken when it may', async () => {
    operator.close();
    const port = String(await freePort());
    await master.stop();
    master = await rig.start('master', [...masterArgs(), '--port', port]);
    operator = operatorOf(master.grpc);
    const late = await agent('late', '--domain', 'eu/b');
    const reason = 'the agent has a domain, in region eu, and the master has none';
    await eventually(
      'both sides say why',
      () => logOf(late).includes(reason) && logOf(master).includes(reason),
    );
    expect(await agentHosts()).not.toContain('late');

    operator.close();
    await master.stop();
    master = await rig.start('master', [
      ...[...masterArgs(), '--port', port, '--domain', 'eu/a', '--require-agent-domain'],
    ]);
    operator = operatorOf(master.grpc);
    await eventually('it is taken', async () => (await agentHosts()).includes('late'));
    const nowhere = await agent('nowhere');
    const required = 'the agent has no domain, and the master requires one of every agent';
    await eventually('the other is not', () => logOf(nowhere).includes(required));
    expect(await agentHosts()).not.toContain('nowhere');
  }, 60_000);
});
