import { isIPv6 } from 'node:net';
import { failure } from '@meseta/model';
import { FailureError } from './failure-error';

/**
 * Refuses to open a server to the network while nothing authenticates its callers.
 *
 * Throws a FailureError of kind `denied` whose message is one line, unless the host is a loopback address or the
 * operator asked for it with `--insecure`.
 */
export function checkMayListen(host: string, insecure: boolean): void {
  if (insecure || isLoopback(host)) return;
  throw new FailureError(
    failure(
      'denied',
      `refusing to listen on ${host}: no certificates are configured; give --insecure to listen there without them`,
    ),
  );
}

/** Whether only processes of this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Prints a host and a port as `host:port`, with the brackets that an IPv6 address needs. */
export function hostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Turns the error of a failed `listen` into one line that names the flag to change. */
export function listenError(error: unknown, host: string, port: number, flag: string): FailureError {
  const text = error instanceof Error ? error.message : String(error);
  if (text.includes('EADDRINUSE')) {
    return new FailureError(failure('conflict', `port ${port} of ${host} is in use (${flag})`));
  }
  if (text.includes('EACCES')) {
    return new FailureError(failure('denied', `port ${port} of ${host} needs more privileges (${flag})`));
  }
  if (text.includes('EADDRNOTAVAIL') || text.includes('ENOTFOUND') || text.includes('EAI_AGAIN')) {
    return new FailureError(failure('invalid', `${host} is not an address of this machine (--host)`));
  }
  return new FailureError(
    failure('invalid', `cannot listen on ${hostPort(host, port)}: ${text.split('\n')[0] ?? ''}`),
  );
}
