import { join, sep } from 'node:path';
import { Readable } from 'node:stream';
import { failure, frameworkId, taskId, validateId } from '@meseta/model';
import { FailureError, isFailureError, type HttpApp, type HttpReply, type HttpRequest } from '@meseta/kit';
import type { FileInfo } from '@meseta/protocol';
import { followFile } from '../logs/follow';
import { findInSandbox, listFiles, readFilePiece } from '../sandbox/browse';
import { runsDirectory } from '../sandbox/paths';
import { isLive, type AgentView } from './agent-view';

/** How much one answer of `/files/read` holds at most, as in Mesos. Bytes. */
const readBytesMax = 64 * 1024;

type Query = Readonly<Record<string, string | undefined>>;

/** A file of a sandbox, as a path names it. */
interface Place {
  readonly sandbox: string;
  /** Relative to the sandbox. */
  readonly path: string;
  /** Whether somebody may still write to it. */
  readonly isGrowing: () => boolean;
}

/**
 * Adds the routes by which people and tools of Mesos read sandboxes: `/files/browse`, `/files/read` and `/files/download`.
 *
 * The path is that of a sandbox on this machine, or what follows the agent's own directory in it:
 * `/frameworks/<framework>/executors/<executor>/runs/<container, or latest>/…` (G140, G141).
 *
 * @see https://mesos.apache.org/documentation/latest/endpoints/
 */
export function fileRoutes(app: HttpApp, view: AgentView): void {
  const route = (name: string, answer: (query: Query, reply: HttpReply) => Promise<unknown>): void => {
    app.get(`/files/${name}`, async (request: HttpRequest, reply) => {
      try {
        return await answer(request.query as Query, reply);
      } catch (error) {
        if (!isFailureError(error)) throw error;
        const { kind, message } = error.failure;
        const code = kind === 'notFound' ? 404 : kind === 'denied' ? 403 : 400;
        return reply.code(code).type('text/plain').send(`${message}\n`);
      }
    });
  };
  route('browse', async (query) => {
    const { sandbox, path } = placeOf(view, query);
    const files = await listFiles(sandbox, path);
    const folder = (query['path'] ?? '').replace(/\/+$/, '');
    return files.map((file) => entryOf(folder, file));
  });
  route('read', async (query) => {
    const { sandbox, path } = placeOf(view, query);
    const offset = wholeNumber(query, 'offset', -1);
    const length = wholeNumber(query, 'length', readBytesMax);
    // So a viewer learns where the end is.
    if (offset === -1) return { offset: (await readFilePiece(sandbox, path, 0, 1)).size, data: '' };
    const { data } = await readFilePiece(sandbox, path, offset, Math.min(length, readBytesMax));
    return { offset, data: data.toString('utf8') };
  });
  route('download', async (query, reply) => {
    const { sandbox, path, isGrowing } = placeOf(view, query);
    // Says what is wrong before the answer begins.
    await readFilePiece(sandbox, path, 0, 1);
    const found = await findInSandbox(sandbox, path);
    const follows = query['follow'] === 'true';
    const controller = new AbortController();
    reply.raw.on('close', () => controller.abort());
    const name = (path.split('/').at(-1) ?? '').replaceAll(/[^\w.+-]/g, '_');
    return reply
      .type('application/octet-stream')
      .header('content-disposition', `attachment; filename="${name}"`)
      .send(
        Readable.from(
          dataOf(found, () => follows && isGrowing(), controller.signal),
          { objectMode: false },
        ),
      );
  });
}

async function* dataOf(path: string, isGrowing: () => boolean, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const { data } of followFile({ path, offset: 0, isGrowing, signal })) yield data;
}

/** @throws FailureError `invalid` without a path, `notFound` for one that is no sandbox's */
function placeOf(view: AgentView, query: Query): Place {
  const { path } = query;
  const { agentId } = view.state;
  if (path === undefined || path === '')
    throw new FailureError(failure('invalid', 'path must be set', { field: 'path' }));
  const unknown = new FailureError(failure('notFound', `'${path}' is not in a sandbox of this agent`));
  if (agentId === undefined) throw unknown;
  const own = join(view.workDir, 'agents', agentId);
  const virtual = path.startsWith(own + sep) ? path.slice(own.length) : path;
  const [, ids] = /^\/+(frameworks\/.*)$/.exec(virtual) ?? [];
  const [, framework = '', executors, executor = '', runs, run = '', ...rest] = ids?.split('/') ?? [];
  if (executors !== 'executors' || runs !== 'runs') throw unknown;
  if ([framework, executor, run].some((id) => validateId('id', id) !== undefined)) throw unknown;
  return {
    sandbox: join(runsDirectory(view.workDir, agentId, frameworkId(framework), executor), run),
    path: rest.join('/'),
    isGrowing: () => isLive(view, frameworkId(framework), taskId(executor)),
  };
}

function wholeNumber(query: Query, field: string, otherwise: number): number {
  const text = query[field];
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < -1)
    throw new FailureError(failure('invalid', `${field} must be a whole number`, { field }));
  return value;
}

/** As Mesos writes it: numbers, seconds, and a mode as ls(1) shows it. */
function entryOf(folder: string, { path, nlink, size, mtime, mode, uid, gid }: FileInfo): object {
  return {
    path: `${folder}/${(path ?? '').split('/').at(-1) ?? ''}`,
    nlink,
    size: Number(size),
    mtime: Math.floor(Number(mtime?.nanoseconds ?? 0n) / 1e9),
    mode: modeText(mode ?? 0),
    uid,
    gid,
  };
}

const fileTypes: Readonly<Record<number, string>> = {
  0o040000: 'd',
  0o100000: '-',
  0o120000: 'l',
  0o060000: 'b',
  0o020000: 'c',
  0o010000: 'p',
  0o140000: 's',
};

/** The mode of a file in ten characters. */
export function modeText(mode: number): string {
  const bits = [...'rwxrwxrwx'].map((letter, i) => ((mode & (1 << (8 - i))) === 0 ? '-' : letter));
  return (fileTypes[mode & 0o170000] ?? '?') + bits.join('');
}
