import type Docker from 'dockerode';
import type { Exit } from '../../state/command';
import type { StartedFacts } from '../../state/state';
import { signalName } from '../signals';

type Inspected = Docker.ContainerInspectInfo;

/** Frameworks are told no more than this of a container. Bytes. */
const dataBytesMax = 32 * 1024;

/** What is known of a container once it runs. */
export function factsOf(inspected: Inspected): StartedFacts {
  const { State, NetworkSettings } = inspected;
  const ip = Object.values(NetworkSettings.Networks)
    .map(({ IPAddress }) => IPAddress)
    .find(Boolean);
  const data = dataOf(inspected);
  return { pid: State.Pid, ...(ip !== undefined && { ip }), ...(data !== undefined && { data }) };
}

/**
 * What `docker inspect` prints, for the status that tells of the start (G87): a list of one.
 *
 * The environment is left out: it may hold secrets, and operators read statuses. If the rest is too long, only what frameworks look for is told.
 */
export function dataOf(inspected: Inspected): string | undefined {
  const whole = { ...inspected, Config: { ...inspected.Config, Env: [] } };
  const { Id, Created, Name, Image, State, NetworkSettings } = inspected;
  for (const told of [whole, { Id, Created, Name, Image, State, NetworkSettings }]) {
    const text = JSON.stringify([told]);
    if (Buffer.byteLength(text) <= dataBytesMax) return text;
  }
  return undefined;
}

/**
 * How a container ended. The daemon, like a shell, adds 128 to a signal's number.
 *
 * @param memoryBytes the limit of its memory; 0 for none
 */
export function exitOf({ ExitCode, OOMKilled }: Inspected['State'], memoryBytes: number): Exit {
  // The daemon says it also when a part of the container was ended, long before.
  if (OOMKilled && ExitCode === 128 + 9)
    return { kind: 'outOfMemory', ...(memoryBytes > 0 && { limitBytes: memoryBytes }) };
  const name = signalName(ExitCode);
  return name === undefined ? { kind: 'exited', status: ExitCode } : { kind: 'signaled', signal: name };
}
