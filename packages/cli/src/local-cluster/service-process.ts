import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { FailureError } from '@meseta/kit';
import { failure } from '@meseta/model';

/** How a service is started. */
export interface ServiceProcessOptions {
  /** What people call this instance: `agent-2`. */
  readonly name: string;
  readonly main: string;
  readonly args: readonly string[];
  /** Where its log lines go, appended. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long it may take until it listens, in milliseconds. */
  readonly startMaxMs?: number;
}

const startMaxDefaultMs = 30_000;
/** Longer than what a service gives itself to close. */
const stopMaxMs = 12_000;

/** A service that runs as a process of its own, listens, and ends when this process ends. */
export class ServiceProcess {
  readonly name: string;
  /** Where it listens, host:port. */
  readonly grpc: string;
  readonly http: string;
  readonly logFile: string;
  /** Settles when it has ended, with how: `exit status 1` or `signal SIGKILL`. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  /** All that it said is in the log. */
  readonly #written: Promise<unknown>;

  private constructor(
    options: ServiceProcessOptions,
    started: Started,
    child: ChildProcess,
    ended: Promise<string>,
    written: Promise<unknown>,
  ) {
    this.name = options.name;
    this.logFile = options.logFile;
    this.grpc = started.grpc;
    this.http = started.http;
    this.ended = ended;
    this.#child = child;
    this.#written = written;
  }

  /** Starts a service and waits until it listens. Rejects with a `FailureError` that repeats what it said. */
  static async start(options: ServiceProcessOptions): Promise<ServiceProcess> {
    const log = createWriteStream(options.logFile, { flags: 'a' });
    // A process group of its own: a ctrl-C in the terminal goes to us alone, and we close the services in order.
    // The IPC channel says nothing; a service ends when it breaks.
    const child = spawn(process.execPath, [options.main, ...options.args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
      env: { ...process.env, ...options.env },
    });
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) =>
        resolve(signal === null ? `exit status ${code}` : `signal ${signal}`),
      );
    });
    try {
      const written = once(log, 'finish');
      const started = await listening(options, child, ended, log);
      return new ServiceProcess(options, started, child, ended, written);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Sends a signal, as a test of failures does. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Lets it close, and cuts it off when that takes too long. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), stopMaxMs);
    await this.ended;
    clearTimeout(late);
    await this.#written;
  }
}

interface Started {
  readonly grpc: string;
  readonly http: string;
}

/** Waits for the log line `listening`, which names the addresses; all lines go to the log file. */
function listening(
  options: ServiceProcessOptions,
  child: ChildProcess,
  ended: Promise<string>,
  log: WriteStream,
): Promise<Started> {
  return new Promise((resolve, reject) => {
    let complaint = '';
    const fail = (why: string): void => {
      clearTimeout(late);
      reject(
        new FailureError(
          failure('conflict', `${options.name} did not start: ${why} (log: ${options.logFile})`),
        ),
      );
    };
    const limitMs = options.startMaxMs ?? startMaxDefaultMs;
    const late = setTimeout(() => fail(`it was not listening after ${limitMs / 1000} s`), limitMs);
    if (child.stdout === null || child.stderr === null) return fail('it has no output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      log.write(`${line}\n`);
      const started = startedOf(line);
      if (started === undefined) return;
      clearTimeout(late);
      resolve(started);
    });
    const complaints = createInterface({ input: child.stderr }).on('line', (line) => {
      log.write(`${line}\n`);
      complaint ||= line.replace(/^meseta-[a-z]+: /, '');
    });
    const allRead = new Promise<void>((done) => complaints.once('close', done));
    void ended.then(async (how) => {
      // Its last words may still be in the pipe.
      await Promise.race([allRead, new Promise((done) => setTimeout(done, 500))]);
      fail(complaint === '' ? how : complaint);
      log.end();
    });
    return undefined;
  });
}

function startedOf(line: string): Started | undefined {
  if (!line.includes('"listening"')) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || !('msg' in parsed) || parsed.msg !== 'listening')
    return undefined;
  const grpc = 'grpc' in parsed ? parsed.grpc : undefined;
  const http = 'http' in parsed ? parsed.http : undefined;
  return typeof grpc === 'string' && typeof http === 'string' ? { grpc, http } : undefined;
}
