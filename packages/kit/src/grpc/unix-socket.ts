import { lstat, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { failure, type Failure } from '@meseta/model';
import { FailureError } from '../failure-error';

/** What a path in the address of a unix socket may have, unix(7): 108 bytes with the zero at its end. */
export const socketPathBytesMax = 107;

/** What is wrong with a path for a unix socket. */
export function socketPathRefusal(path: string): Failure | undefined {
  const bytes = Buffer.byteLength(path);
  if (bytes <= socketPathBytesMax) return undefined;
  const rule = `the path of a socket may have ${socketPathBytesMax} bytes, and '${path}' has ${bytes}`;
  return failure('invalid', rule);
}

/**
 * Makes the folder of a socket, and takes away the socket that a server left there that was killed.
 *
 * @throws FailureError `conflict` where somebody listens on it, or where something else is in its place
 */
export async function makeRoomForSocket(path: string): Promise<void> {
  const refusal = socketPathRefusal(path);
  if (refusal !== undefined) throw new FailureError(refusal);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return;
  if (!there.isSocket()) throw new FailureError(failure('conflict', `${path} is there and is no socket`));
  if (await answers(path)) throw new FailureError(failure('conflict', `socket ${path} is in use`));
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
