// A network of CNI for tests: a bridge of this machine that goes with the test, and a pool of addresses in the test's own folder.

import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether the reference plugins of CNI are to be used here; they need root. */
export const canMakeNetworks = process.getuid?.() === 0 && process.env['MESETA_TEST_WITHOUT_CNI'] !== '1';

export class CniNetwork {
  /** What its addresses begin with; chosen by lot, as tests of another checkout may run on this machine. */
  readonly subnet: string;
  /** Of fifteen characters at most. */
  readonly bridge: string;

  constructor(
    private readonly folder: string,
    readonly name: string,
  ) {
    const third = randomInt(256);
    this.subnet = `10.214.${third}.`;
    this.bridge = `mst-${name}-${third}`;
    mkdirSync(this.configs, { recursive: true });
    const plugins = [
      {
        type: 'bridge',
        bridge: this.bridge,
        isGateway: true,
        ipMasq: false,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: `${this.subnet}0/24` }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: join(folder, 'addresses'),
        },
      },
      // Where a Docker engine runs, the machine forwards nothing that no rule lets through.
      { type: 'firewall' },
      { type: 'portmap', capabilities: { portMappings: true } },
    ];
    const config = JSON.stringify({ cniVersion: '1.0.0', name, plugins });
    writeFileSync(join(this.configs, `${name}.conflist`), config);
  }

  /** The directory of configurations. */
  get configs(): string {
    return join(this.folder, 'net.d');
  }

  /** The addresses that somebody has. */
  addresses(): string[] {
    return readdirSync(join(this.folder, 'addresses', this.name)).filter((name) => /^10\./.test(name));
  }

  /** The machine's ends of the interfaces of containers. */
  interfaces(): string {
    return execFileSync('ip', ['-o', 'link', 'show', 'master', this.bridge], { encoding: 'utf8' });
  }

  remove(): void {
    execFileSync('ip', ['link', 'delete', this.bridge]);
  }
}
