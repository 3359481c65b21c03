import pino, { type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

/** The levels that `--log-level` takes, from the most to the least said. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * Creates the logger of one process: JSON lines on stdout with an ISO time and the key `service`.
 *
 * Ids go under fixed keys (`frameworkId`, `agentId`, `taskId`, `offerId`, `term`), a trace under `traceId` by way of
 * `logger.child({ traceId })`, so that one search finds everything about one thing. Header values that may hold
 * credentials are never printed.
 */
export function createLogger(service: string, level: string, stream?: DestinationStream): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: ['authorization', '*.authorization', 'password', '*.password', 'token', '*.token'],
      censor: '[hidden]',
    },
  };
  return stream === undefined ? pino(options) : pino(options, stream);
}
