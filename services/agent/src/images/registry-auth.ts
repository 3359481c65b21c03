import { constants, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, isFailure, type Failure } from '@meseta/model';
import { defaultRegistry, registryOf } from './image-name';

/** Who the daemon says it is to a registry, as `X-Registry-Auth` carries it. */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
  readonly serveraddress: string;
}

/** Credentials by the names of registries. */
export type RegistryAuths = ReadonlyMap<string, RegistryAuth>;

/** No file of credentials is longer. Bytes. */
const configBytesMax = 1024 * 1024;

/** The credentials for an image's registry. */
export function authFor(auths: RegistryAuths, image: string): RegistryAuth | undefined {
  return auths.get(registryOf(image));
}

/**
 * Reads a configuration of Docker's command line: `auths`, as `docker login` writes them.
 *
 * @returns a failure whose message never holds what is in the text
 */
export function parseDockerConfig(text: string): RegistryAuths | Failure {
  const refuse = (rule: string): Failure =>
    failure('invalid', `the configuration of Docker must ${rule}`, { field: 'docker-config' });
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    return refuse('be JSON');
  }
  if (!isRecord(config)) return refuse('be an object');
  const { auths, credsStore, credHelpers } = config;
  if (auths === undefined && (credsStore !== undefined || credHelpers !== undefined))
    return refuse('have auths: programs that keep credentials (credsStore, credHelpers) are not asked');
  const found = new Map<string, RegistryAuth>();
  if (!isRecord(auths ?? {})) return refuse('have an object as auths');
  for (const [address, entry] of Object.entries((auths ?? {}) as Record<string, unknown>)) {
    const auth = isRecord(entry) ? authOf(address, entry) : undefined;
    if (auth === undefined)
      return refuse(
        `have auth, username and password, or a token for ${address}, auth as base64 of name:password`,
      );
    found.set(hostOf(address), auth);
  }
  return found;
}

/** The credentials that the operator gave: in a file, which may change while the agent runs, or as they are. */
export async function readDockerConfig(given: string | undefined): Promise<RegistryAuths | Failure> {
  if (given === undefined || given === '') return new Map();
  if (given.trimStart().startsWith('{')) return parseDockerConfig(given);
  try {
    return parseDockerConfig(await readFile(given, 'utf8'));
  } catch (error) {
    return failure(
      'invalid',
      `cannot read ${given}: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`,
    );
  }
}

/**
 * The credentials that a task has brought: `.docker/config.json` in its sandbox, as Mesos knows them.
 *
 * A link is not followed: the agent may read what the task may not.
 */
export async function readSandboxConfig(sandbox: string): Promise<RegistryAuths | Failure> {
  if (sandbox === '') return new Map();
  const folder = await open(join(sandbox, '.docker'), constants.O_DIRECTORY | constants.O_NOFOLLOW).catch(
    () => undefined,
  );
  if (folder === undefined) return new Map();
  try {
    // By way of the folder that is open: it could be exchanged for a link meanwhile.
    const path = `/proc/self/fd/${folder.fd}/config.json`;
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
      () => undefined,
    );
    if (file === undefined) return new Map();
    try {
      const { size } = await file.stat();
      if (size > configBytesMax)
        return failure('invalid', `.docker/config.json must not be longer than ${configBytesMax} bytes`);
      const auths = parseDockerConfig(await file.readFile('utf8'));
      return isFailure(auths)
        ? failure('invalid', `.docker/config.json in the sandbox: ${auths.message}`)
        : auths;
    } finally {
      await file.close();
    }
  } finally {
    await folder.close();
  }
}

function authOf(address: string, entry: Record<string, unknown>): RegistryAuth | undefined {
  const text = (key: string): string | undefined =>
    typeof entry[key] === 'string' && entry[key] !== '' ? entry[key] : undefined;
  const [, user, word] = /^([^:]+):(.*)$/s.exec(Buffer.from(text('auth') ?? '', 'base64').toString()) ?? [];
  const username = text('username') ?? user;
  const password = text('password') ?? word?.replace(/\0+$/, '');
  const identitytoken = text('identitytoken');
  const registrytoken = text('registrytoken');
  const hasToken = identitytoken !== undefined || registrytoken !== undefined;
  if (!hasToken && (username === undefined || password === undefined)) return undefined;
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(identitytoken !== undefined && { identitytoken }),
    ...(registrytoken !== undefined && { registrytoken }),
    serveraddress: address,
  };
}

/** Keys are addresses with or without a scheme and a path. */
function hostOf(address: string): string {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === 'index.docker.io' ? defaultRegistry : host;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
