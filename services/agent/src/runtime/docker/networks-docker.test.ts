import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { networkInterfaces } from 'node:os';
import type Docker from 'dockerode';
import { Resources } from '@meseta/model';
import { ContainerInfo_DockerInfo_Network, type ContainerInfo } from '@meseta/protocol';
import {
  containerInfo,
  type DockerBench,
  dockerSuite,
  dockerTestMs,
  eachTestWithBench,
} from '../../testdata/docker-place';

const { BRIDGE, HOST, NONE, USER } = ContainerInfo_DockerInfo_Network;

dockerSuite('networks, on a real daemon', () => {
  let docker: Docker;
  let bench: DockerBench;
  eachTestWithBench((made) => ({ docker, bench } = made));
  const check = (title: string, fn: () => Promise<void>): void => test(title, fn, dockerTestMs);
  const interfaces = async (container: ContainerInfo): Promise<string[]> => {
    const said = await bench.run('ls /sys/class/net', { container });
    return said
      .trim()
      .split('\n')
      .filter((name) => !/^(tunl|gre|sit|ip6|erspan|ip_vti)/.test(name));
  };

  check('HOST is the machine’s own', async () => {
    const own = Object.keys(networkInterfaces());
    expect(await interfaces(containerInfo({ network: HOST }))).toEqual(expect.arrayContaining(own));
  });

  check('NONE has nobody to talk to', async () => {
    expect(await interfaces(containerInfo({ network: NONE }))).toEqual(['lo']);
  });

  check(
    'BRIDGE has an address of its own, and what it serves is reached by the task’s port of the machine',
    async () => {
      const portMappings = [{ hostPort: 31_988, containerPort: 8080, protocol: 'tcp' }];
      const id = await bench.bench.start(
        'mkdir /www; echo served >/www/index.html; exec busybox httpd -f -p 8080 -h /www',
        {
          container: containerInfo({ network: BRIDGE, portMappings }, { hostname: 'web' }),
          resources: Resources.parse('cpus:0.1;ports:[31988-31988]') as Resources,
        },
      );
      let served = '';
      for (let tries = 0; served === '' && tries < 100; tries++) {
        served = await fetch('http://127.0.0.1:31988/').then(
          (answer) => answer.text(),
          () => '',
        );
        await pause(50);
      }
      expect(served).toBe('served\n');
      const traffic = (await bench.bench.runtime.usage(id))?.network;
      expect(traffic?.received.bytes).toBeGreaterThan(0);
      expect(traffic?.sent.packets).toBeGreaterThan(0);
      await bench.bench.restart();
      const found = await bench.bench.runtime.recover([{ containerId: id, ran: true, sandbox: '' }]);
      expect(found).toMatchObject([
        { kind: 'running', facts: { ip: expect.stringMatching(/^\d+\./) as string } },
      ]);
    },
  );

  check('USER is a network of the daemon’s, with names and addresses in it', async () => {
    const name = `meseta-test-${randomUUID().slice(0, 8)}`;
    const network = await docker.createNetwork({
      Name: name,
      IPAM: { Driver: 'default', Config: [{ Subnet: '172.31.251.0/24' }] },
    });
    try {
      const inNetwork = (parameters: { key: string; value: string }[] = []) => ({
        container: containerInfo(
          { network: USER, parameters },
          { networkInfos: [{ name, ipAddresses: [], groups: [], portMappings: [] }] },
        ),
      });
      const server = await bench.bench.start(
        'mkdir /www; echo db >/www/index.html; exec busybox httpd -f -p 80 -h /www',
        inNetwork([
          { key: 'ip', value: '172.31.251.7' },
          { key: 'network-alias', value: 'db' },
        ]),
      );
      const reached = 'busybox timeout 20 sh -c "until busybox wget -q -O - http://db/; do sleep 0.2; done"';
      expect(await bench.run(`${reached} | tail -n 1`, inNetwork())).toMatch(/db\n$/);
      const { NetworkSettings } = await docker.getContainer(`meseta-${server}`).inspect();
      expect(NetworkSettings.Networks[name]?.IPAddress).toBe('172.31.251.7');
      await bench.bench.runtime.release(server);
    } finally {
      await bench.bench.restart();
      await bench.bench.runtime.recover([]);
      await network.remove();
    }
  });

  check('a network that is not there is told in one line', async () => {
    const container = containerInfo(
      { network: USER },
      { networkInfos: [{ name: 'no-such-network', ipAddresses: [], groups: [], portMappings: [] }] },
    );
    await expect(bench.run('true', { container })).rejects.toThrow(
      /^cannot start the container: [^\n]*no-such-network not found[^\n]*$/,
    );
  });
});
