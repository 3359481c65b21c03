import { parseDurationMs } from '@meseta/kit';
import { isFailure } from '@meseta/model';
import type { Environment } from '../environment';
import type { ExecutorTask } from './executor-task';

/** What an executor does when it is told something. */
export interface ExecutorHandlers {
  /**
   * Runs a task: tell of it with `running`, and of its end with `finished`, `failed` or `killed`. What it rejects with fails the task.
   */
  readonly launch: (task: ExecutorTask) => Promise<void> | void;
  /** Ends a task within its grace, and tells of the end. Unset tells KILLED at once, for executors that have nothing to stop. */
  readonly kill?: (task: ExecutorTask, graceMs: number) => Promise<void> | void;
  /** Bytes of the scheduler. */
  readonly message?: (data: Buffer) => void;
  /** The executor is to end: its tasks are told KILLED when this resolves. */
  readonly shutdown?: () => Promise<void> | void;
}

/** Who an executor is, and where its agent is. */
export interface ExecutorOptions extends ExecutorHandlers {
  /** The agent's gRPC address, host:port or unix:path; what the agent put into the environment if unset. The same holds for what follows. */
  readonly agent?: string;
  readonly frameworkId?: string;
  readonly executorId?: string;
  /** The proof that it is this executor. */
  readonly token?: string;
  /** Whether it outlives its agent's restart. */
  readonly checkpoint?: boolean;
  /** How long it looks for an agent that is gone before it ends. Milliseconds. */
  readonly recoveryTimeoutMs?: number;
  /** The longest pause between two tries. Milliseconds. */
  readonly backoffMaxMs?: number;
  readonly environment?: Environment;
}

/** Everything an executor must know, from the options and from the environment that the agent gave it (E19). */
export interface ExecutorIdentity {
  readonly agent: string;
  readonly frameworkId: string;
  readonly executorId: string;
  /** Agents that authenticate nobody give none. */
  readonly token: string | undefined;
  readonly checkpoint: boolean;
  readonly recoveryTimeoutMs: number;
  readonly backoffMaxMs: number;
}

const recoveryTimeoutDefaultMs = 15 * 60_000;
const backoffMaxDefaultMs = 2_000;

/** @throws Error that names what is missing: the program was not started by an agent */
export function identityOf(
  options: ExecutorOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): ExecutorIdentity {
  const named = (given: string | undefined, variable: string): string => {
    const value = given ?? env[variable];
    if (value === undefined || value === '')
      throw new Error(`${variable} is not set: this program is to be started by an agent, as an executor`);
    return value;
  };
  return {
    agent: named(options.agent ?? socketOf(env['MESOS_DOMAIN_SOCKET']), 'MESOS_AGENT_ENDPOINT'),
    frameworkId: named(options.frameworkId, 'MESOS_FRAMEWORK_ID'),
    executorId: named(options.executorId, 'MESOS_EXECUTOR_ID'),
    token: options.token ?? env['MESOS_EXECUTOR_AUTHENTICATION_TOKEN'],
    checkpoint: options.checkpoint ?? env['MESOS_CHECKPOINT'] === '1',
    recoveryTimeoutMs:
      options.recoveryTimeoutMs ?? durationOf(env['MESOS_RECOVERY_TIMEOUT'], recoveryTimeoutDefaultMs),
    backoffMaxMs:
      options.backoffMaxMs ?? durationOf(env['MESOS_SUBSCRIPTION_BACKOFF_MAX'], backoffMaxDefaultMs),
  };
}

function socketOf(path: string | undefined): string | undefined {
  return path === undefined || path === '' ? undefined : `unix:${path}`;
}

function durationOf(text: string | undefined, otherwiseMs: number): number {
  const ms = text === undefined ? otherwiseMs : parseDurationMs(text);
  return isFailure(ms) ? otherwiseMs : ms;
}
