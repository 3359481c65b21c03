import { readdir, readFile, readlink } from 'node:fs/promises';

/** The state of a socket that listens, as proc(5) writes it in `net/tcp`. */
const listenState = '0A';

/** The TCP ports of this machine's network on which somebody listens, by the number of the socket's inode. */
export async function listeningSockets(): Promise<ReadonlyMap<string, number>> {
  const tables = await Promise.all(
    ['/proc/self/net/tcp', '/proc/self/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  return new Map(tables.flatMap(parseListening));
}

/** Reads a table of sockets: [inode, port] of each that listens. */
export function parseListening(table: string): [inode: string, port: number][] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [, local = '', , state] = fields;
      const inode = fields[9];
      if (state !== listenState || inode === undefined) return [];
      return [[inode, Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16)] as [string, number]];
    });
}

/** The inodes of the sockets that a process has open; none of one that has ended. */
export async function socketsOf(pid: number): Promise<readonly string[]> {
  const directory = `/proc/${pid}/fd`;
  const names = await readdir(directory).catch(() => []);
  const targets = await Promise.all(names.map((name) => readlink(`${directory}/${name}`).catch(() => '')));
  return targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
}
