import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Whether the reference plugins of CNI are to be used here; they need root. */
export const canMakeNetworks = process.getuid?.() === 0 && process.env['MESETA_TEST_WITHOUT_CNI'] !== '1';

/** A bridge of this machine as a network of CNI, with the pool of addresses in a folder of its own; nothing of it stays. */
export class TestNetwork {
  private constructor(
    readonly folder: string,
    /** Of fifteen characters at most. */
    readonly bridge: string,
    /** What its addresses begin with, and those of another that the test may make. */
    readonly subnet: string,
    readonly otherSubnet: string,
  ) {}

  /** Which addresses it has is chosen by lot: tests of another checkout may run on this machine. */
  static async create(name: string): Promise<TestNetwork> {
    const folder = await mkdtemp(join(tmpdir(), 'meseta-cni-'));
    const third = 2 * randomInt(128);
    const subnets = [`10.213.${third}`, `10.213.${third + 1}`] as const;
    const network = new TestNetwork(folder, `mst-${name}-${third}`, ...subnets);
    await mkdir(network.configs);
    await writeFile(
      join(network.configs, `${name}.conflist`),
      JSON.stringify({
        cniVersion: '1.0.0',
        name,
        plugins: [
          {
            type: 'bridge',
            bridge: network.bridge,
            isGateway: true,
            ipMasq: false,
            capabilities: { ips: true },
            ipam: {
              type: 'host-local',
              ranges: [[{ subnet: `${network.subnet}.0/24` }]],
              dataDir: network.pool,
            },
            dns: { nameservers: ['192.0.2.53'], search: ['meseta.test'] },
          },
          { type: 'portmap', capabilities: { portMappings: true }, snat: true },
        ],
      }),
    );
    return network;
  }

  /** The directory of configurations. */
  get configs(): string {
    return join(this.folder, 'net.d');
  }

  /** Where host-local keeps who has which address. */
  get pool(): string {
    return join(this.folder, 'pool');
  }

  async remove(): Promise<void> {
    await exec('ip', ['link', 'delete', this.bridge]).catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
