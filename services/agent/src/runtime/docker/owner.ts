import { execFile } from 'node:child_process';
import { chmod, chown } from 'node:fs/promises';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { findProgram } from '../process/programs';
import { isGone } from './errors';

/** No more is read of a list of users. Bytes. */
const passwdBytesMax = 4 * 1024 * 1024;
/** The blocks of a tar archive. Bytes. */
const blockBytes = 512;

/** Numbers of a user; without a group whatever it belongs to stays. */
interface Owner {
  readonly uid: number;
  readonly gid: number | undefined;
}

/**
 * Gives a sandbox, and volumes, to the user that a container runs as (G12). Names are those of its image: on this machine they may be another's.
 *
 * Does nothing for root, for a name that is nobody's, which the daemon refuses in its own words, and where the agent is not root.
 *
 * @param container was made and not started
 * @param user as Docker takes it: a name or a number, and after a colon a group
 */
export async function giveToUser(
  container: Docker.Container,
  user: string,
  { sandbox, volumes }: { readonly sandbox: string; readonly volumes: readonly string[] },
): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const owner = await ownerOf(container, user);
  if (owner === undefined || owner.uid === 0) return;
  const { uid, gid } = owner;
  if (sandbox !== '') {
    const program = (await findProgram('chown')) ?? 'chown';
    // What was fetched is in it already; links are not followed.
    await promisify(execFile)(program, ['-R', '-h', gid === undefined ? `${uid}` : `${uid}:${gid}`, sandbox]);
    await chmod(sandbox, 0o750);
  }
  for (const volume of volumes) await chown(volume, uid, gid ?? -1);
}

async function ownerOf(container: Docker.Container, user: string): Promise<Owner | undefined> {
  const [name = '', group] = user.split(':');
  const givenGid = group !== undefined && isNumber(group) ? Number(group) : undefined;
  if (isNumber(name)) return { uid: Number(name), gid: givenGid };
  const line = (await passwdOf(container)).split('\n').find((entry) => entry.startsWith(`${name}:`));
  const [, , uid = '', gid = ''] = line?.split(':') ?? [];
  if (!isNumber(uid)) return undefined;
  return {
    uid: Number(uid),
    gid: givenGid ?? (group === undefined && isNumber(gid) ? Number(gid) : undefined),
  };
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

/** The users that a container knows; none if its image has no such file. The daemon hands it out as an archive. */
async function passwdOf(container: Docker.Container): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    const archive = await container.getArchive({ path: '/etc/passwd' });
    for await (const chunk of archive as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= passwdBytesMax) chunks.push(chunk);
    }
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
  return firstFileOf(Buffer.concat(chunks));
}

/** What the first file of a tar archive holds: its length is in its header, in octal digits. */
export function firstFileOf(archive: Buffer): string {
  const size = Number.parseInt(archive.toString('ascii', 124, 136), 8);
  return Number.isNaN(size) ? '' : archive.toString('utf8', blockBytes, blockBytes + size);
}
