import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEtcdStore } from './etcd';

/** An etcd of one member that a test started. */
export interface EtcdProcess {
  readonly address: string;
  /** Stops it without killing it, as a machine that hangs. */
  pause(): void;
  resume(): void;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Ends it and deletes its data. */
  close(): Promise<void>;
}

/**
 * Whether tests that need etcd are to be left out. Where no etcd is installed they fail with a line that says what to do,
 * unless MESETA_TEST_WITHOUT_ETCD=1 says that this is known.
 */
export function withoutEtcd(): boolean {
  return process.env['MESETA_TEST_WITHOUT_ETCD'] === '1';
}

/** Starts an etcd on free ports with a directory of its own. */
export async function startEtcd(): Promise<EtcdProcess> {
  const program = findEtcd();
  const directory = mkdtempSync(join(tmpdir(), 'meseta-etcd-'));
  const [client, peer] = [await freePort(), await freePort()];
  const urls = { client: `http://127.0.0.1:${client}`, peer: `http://127.0.0.1:${peer}` };
  const child = spawn(
    program,
    [
      ...['--data-dir', directory, '--logger', 'zap', '--log-level', 'error'],
      ...['--listen-client-urls', urls.client, '--advertise-client-urls', urls.client],
      ...['--listen-peer-urls', urls.peer, '--initial-advertise-peer-urls', urls.peer],
      ...['--initial-cluster', `default=${urls.peer}`],
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const address = `127.0.0.1:${client}`;
  const kill = async (): Promise<void> => {
    signal(child, 'SIGKILL');
    await ended;
  };
  const etcd: EtcdProcess = {
    address,
    pause: () => signal(child, 'SIGSTOP'),
    resume: () => signal(child, 'SIGCONT'),
    kill,
    close: async () => {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await answered(address, etcd);
  return etcd;
}

async function answered(address: string, etcd: EtcdProcess): Promise<void> {
  let last: unknown;
  for (let attempt = 0; attempt < 4; attempt += 1) {
    try {
      await (await openEtcdStore({ addresses: [address], cluster: 'start' })).close();
      return;
    } catch (error) {
      last = error;
    }
  }
  await etcd.close();
  throw last;
}

function findEtcd(): string {
  const folders = (process.env['PATH'] ?? '').split(':');
  const found = [...folders, '/usr/bin', '/usr/local/bin']
    .map((folder) => join(folder, 'etcd'))
    .find(existsSync);
  if (found === undefined) {
    throw new Error(
      'these tests need etcd (Debian: etcd-server); set MESETA_TEST_WITHOUT_ETCD=1 to leave them out knowingly',
    );
  }
  return found;
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.exitCode === null && child.signalCode === null) child.kill(name);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
