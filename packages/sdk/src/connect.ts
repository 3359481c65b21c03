import { FailureError, type Logger } from '@meseta/kit';
import { failure, isFailure, type Failure } from '@meseta/model';
import type { OperationStatus, scheduler as v1 } from '@meseta/protocol';
import { systemEnvironment, type Environment } from './environment';
import {
  addressesOf,
  durationMsOf,
  frameworkInfoOf,
  type Duration,
  type FrameworkOptions,
} from './framework-options';
import { Scheduler } from './scheduler';
import type { Task } from './task';
import type { TaskUpdate } from './task-update';

/** How a framework connects. */
export interface ConnectOptions {
  /** The masters, as host:port[,host:port…]; any one that lives is enough to find the leader. */
  readonly master: string;
  readonly framework: FrameworkOptions;
  /** Roles that start without offers until `revive`; `true` is all of them. */
  readonly suppressed?: readonly string[] | true;
  /** Which agents' offers are wanted, by their attributes. */
  readonly offerConstraints?: v1.OfferConstraints;
  /** Sees every update before it is acknowledged; one that throws is not acknowledged, and comes again. */
  readonly onUpdate?: (update: TaskUpdate, task: Task) => void | Promise<void>;
  /** Sees what became of operations that were given an id, before it is acknowledged. */
  readonly onOperation?: (status: OperationStatus) => void;
  /** Told when the connection is lost and when it is back. */
  readonly onConnection?: (connected: boolean, why?: Failure) => void;
  /** How long to look for a leader at first: milliseconds or text; 30 s if unset. Later it is looked for without end. */
  readonly timeout?: Duration;
  readonly log?: Logger;
  /** The world, for tests. */
  readonly environment?: Environment;
}

/**
 * Finds the leading master, subscribes the framework, and returns its scheduler.
 *
 * Rejects with a `FailureError`: `invalid` for a wrong description, `notLeader` if no leader was found in time, and
 * with the master's own words if it refuses the framework.
 */
export async function connect(options: ConnectOptions): Promise<Scheduler> {
  const addresses = addressesOf(options.master);
  const frameworkInfo = frameworkInfoOf(options.framework);
  if (isFailure(frameworkInfo)) throw new FailureError(frameworkInfo);
  const timeoutMs = durationMsOf(options.timeout ?? 30_000);
  if (isFailure(timeoutMs)) throw new FailureError(timeoutMs);
  const environment = options.environment ?? systemEnvironment;
  let lastReason = '';
  const scheduler = new Scheduler({
    addresses,
    frameworkInfo,
    environment,
    suppressed: options.suppressed,
    offerConstraints: options.offerConstraints,
    onUpdate: options.onUpdate,
    onOperation: options.onOperation,
    log: options.log,
    onConnection: (connected, why) => {
      lastReason = why?.message ?? '';
      options.onConnection?.(connected, why);
    },
  });
  let cancel: (() => void) | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    cancel = environment.timers.after(timeoutMs, () =>
      reject(
        new FailureError(
          failure('notLeader', `no leader at ${options.master}${lastReason && `: ${lastReason}`}`),
        ),
      ),
    );
  });
  try {
    await Promise.race([scheduler.start(), late]);
  } catch (error) {
    await scheduler.stop();
    throw error;
  } finally {
    cancel?.();
  }
  return scheduler;
}
