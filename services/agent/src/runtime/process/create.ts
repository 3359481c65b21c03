import { failure, isFailure, type Failure } from '@meseta/model';
import type { Logger, Timers } from '@meseta/kit';
import { detectCgroups } from '../cgroups/detect';
import type { EndListener } from '../container-runtime';
import { detectIsolation, type IsolationOptions } from './isolation';
import { capabilitiesDefault } from './privileges';
import { ProcessRuntime } from './process-runtime';
import { findProgram } from './programs';

/** Makes the process runtime of this machine, or says in one line what it lacks. */
export async function createProcessRuntime(options: {
  readonly directory: string;
  /** Tells the agents of one machine apart in the names of control groups. */
  readonly agentName: string;
  /** How tasks are to be isolated; unset leaves them in the machine's namespaces. */
  readonly isolate?: Omit<IsolationOptions, 'agentName' | 'log'>;
  readonly capabilities?: readonly string[];
  readonly imageDirectory?: string | undefined;
  readonly onEnd: EndListener;
  readonly log: Logger;
  readonly timers?: Timers;
}): Promise<ProcessRuntime | Failure> {
  if (process.platform !== 'linux') return failure('denied', 'the process runtime needs Linux');
  const [setsid, mv, setpriv] = await Promise.all(['setsid', 'mv', 'setpriv'].map(findProgram));
  if (setsid === undefined || mv === undefined)
    return failure('denied', 'the process runtime needs the programs setsid and mv');
  const cgroups = await detectCgroups(options.agentName);
  if (isFailure(cgroups)) options.log.warn(cgroups.message);
  const { isolate, agentName, log } = options;
  const isolation =
    isolate === undefined || isFailure(cgroups)
      ? undefined
      : await detectIsolation({ ...isolate, agentName, log });
  if (isFailure(isolation)) log.warn(`tasks share the machine's namespaces: ${isolation.message}`);
  return new ProcessRuntime({
    ...options,
    programs: { setsid, mv, setpriv },
    cgroups: isFailure(cgroups) ? undefined : cgroups,
    isolation: isFailure(isolation) ? undefined : isolation,
    capabilities: options.capabilities ?? capabilitiesDefault,
  });
}
