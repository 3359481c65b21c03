import { failure, type Failure } from '@meseta/model';

/** A host and a port, as `host:port` says them; an IPv6 host is written in brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`. The port is 1 to 65535. */
export function parseAddress(text: string): Address | Failure {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65_535) return failure('invalid', `"${text}" is not host:port`);
  return { host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port };
}
