import { isConfigExit } from './config/config-exit';
import { createLogger } from './log';

/** What a service's main gets. It makes its own logger once it has read its level. */
export interface ServiceContext {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A service that runs. */
export interface RunningService {
  close(): Promise<void>;
}

/** The part of Node's `process` that `runService` uses, so that a test can stand in for it. */
export interface ProcessPort {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  exit(code: number): void;
}

/** How long a service may take to close before the process ends anyway. */
const closeMaxMs = 10_000;
/** EX_SOFTWARE of sysexits.h: an internal fault. */
const internalFault = 70;

/**
 * Runs a service until SIGTERM or SIGINT, then closes it once and exits 0; a second signal exits at once.
 *
 * A `ConfigExit` prints its text and exits with its code; any other error of the start prints one line, as
 * `meseta-master: port 5060 of 127.0.0.1 is in use (--port)`, and exits 1. A rejection or exception that nobody
 * handled is logged and exits 70: the process no longer knows what is true.
 */
export function runService(
  name: string,
  main: (context: ServiceContext) => Promise<RunningService>,
  host: ProcessPort = process,
): void {
  let running: RunningService | undefined;
  let stopping = false;
  const stop = (): void => {
    if (stopping) {
      host.exit(130);
      return;
    }
    stopping = true;
    if (running !== undefined) closeAndExit(name, running, host);
  };
  host.on('SIGTERM', stop);
  host.on('SIGINT', stop);
  // Whoever starts a service with an IPC channel, as `meseta up` does, wants it to end with itself, however it ends.
  host.on('disconnect', stop);
  const fault = (error: unknown): void => {
    createLogger(name, 'fatal').fatal({ err: error }, 'unhandled fault');
    host.exit(internalFault);
  };
  host.on('unhandledRejection', fault);
  host.on('uncaughtException', fault);
  main({ argv: host.argv.slice(2), env: host.env }).then(
    (started) => {
      running = started;
      if (stopping) closeAndExit(name, started, host);
    },
    (error: unknown) => exitFromStart(name, error, host),
  );
}

function closeAndExit(name: string, running: RunningService, host: ProcessPort): void {
  const late = setTimeout(() => {
    host.stderr.write(`meseta-${name}: did not close in ${closeMaxMs / 1000} s\n`);
    host.exit(1);
  }, closeMaxMs);
  running.close().then(
    () => {
      clearTimeout(late);
      host.exit(0);
    },
    (error: unknown) => {
      clearTimeout(late);
      host.stderr.write(`meseta-${name}: ${lineOf(error)}\n`);
      host.exit(1);
    },
  );
}

function exitFromStart(name: string, error: unknown, host: ProcessPort): void {
  if (!isConfigExit(error)) {
    host.stderr.write(`meseta-${name}: ${lineOf(error)}\n`);
    host.exit(1);
    return;
  }
  if (error.code === 0) host.stdout.write(error.text);
  else host.stderr.write(`meseta-${name}: ${error.text}\n`);
  host.exit(error.code);
}

function lineOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
