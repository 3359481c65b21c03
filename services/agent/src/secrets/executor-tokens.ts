import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import jwt from 'jsonwebtoken';
import { failure, type Failure } from '@meseta/model';
import type { ExecutorRecord } from '../state/state';

const algorithm = 'HS256';
const keyBytes = 32;

/** The variable by which an executor gets its token (E19). */
export const tokenVariable = 'MESOS_EXECUTOR_AUTHENTICATION_TOKEN';

/** Whom a token names. */
export type ExecutorName = Pick<ExecutorRecord, 'frameworkId' | 'executorId' | 'containerId'>;

/**
 * Proofs of who an executor is (E4, X6): JSON Web Tokens with the claims `fid`, `eid` and `cid`, which only this agent signs and reads. A token holds as long as its
 * container.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7519
 */
export class ExecutorTokens {
  private constructor(private readonly key: Buffer) {}

  /** @param file of the key, which is made if it is not there: executors outlive their agent, and so does it */
  static async open(file: string): Promise<ExecutorTokens> {
    const known = await readFile(file).catch(() => undefined);
    return new ExecutorTokens(known?.length === keyBytes ? known : await makeKey(file));
  }

  tokenOf({ frameworkId, executorId, containerId }: ExecutorName): string {
    const claims = { fid: frameworkId, eid: executorId, cid: containerId };
    return jwt.sign(claims, this.key, { algorithm, noTimestamp: true });
  }

  /**
   * Why a caller is not the executor that it says it is; undefined if it is.
   *
   * @param authorization what it shows, as `Bearer <token>`
   */
  refusalOf(executor: ExecutorName, authorization: string | undefined): Failure | undefined {
    if (authorization === undefined)
      return failure(
        'denied',
        `the executor must show its ${tokenVariable} in the metadata authorization, as 'Bearer <token>'`,
      );
    const claims = this.claimsOf(authorization);
    if (claims === undefined) return failure('denied', 'the token is not one of this agent’s');
    const { frameworkId, executorId, containerId } = executor;
    const isIts =
      claims['fid'] === frameworkId && claims['eid'] === executorId && claims['cid'] === containerId;
    return isIts ? undefined : failure('denied', 'the token is that of another executor');
  }

  private claimsOf(authorization: string): jwt.JwtPayload | undefined {
    const [, token = ''] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
    try {
      const claims = jwt.verify(token, this.key, { algorithms: [algorithm] });
      return typeof claims === 'string' ? undefined : claims;
    } catch {
      return undefined;
    }
  }
}

/** Whole or not at all: a key that is lost is a token lost for each executor that runs. */
async function makeKey(file: string): Promise<Buffer> {
  const key = randomBytes(keyBytes);
  const draft = `${file}.tmp`;
  await mkdir(dirname(file), { recursive: true });
  await unlink(draft).catch(() => undefined);
  await writeFile(draft, key, { mode: 0o600, flag: 'wx' });
  await rename(draft, file);
  return key;
}
