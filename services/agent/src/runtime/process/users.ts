import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import { failure, type Failure } from '@meseta/model';

/** A user of this machine. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The user that this process runs as. */
export function ownUser(): User {
  const { username, uid, gid } = userInfo();
  return { name: username, uid, gid };
}

/** Finds a user by name, in `/etc/passwd` first, since asking the name service costs a process. */
export async function findUser(name: string): Promise<User | Failure> {
  const unknown = failure('invalid', `user '${name}' does not exist on this agent`, { field: 'user' });
  if (!/^[A-Za-z0-9_.][A-Za-z0-9_.@-]*\$?$/.test(name)) return unknown;
  const line = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [found, , uid, gid] = (line ?? (await askNameService(name))).split(':');
  if (found !== name || uid === undefined || gid === undefined) return unknown;
  return { name, uid: Number(uid), gid: Number(gid) };
}

async function askNameService(name: string): Promise<string> {
  try {
    return (await promisify(execFile)('getent', ['passwd', name], { timeout: 5_000 })).stdout.trim();
  } catch {
    // getent exits with 2 when there is no such user, and may not be installed: either way nobody knows the name.
    return '';
  }
}
