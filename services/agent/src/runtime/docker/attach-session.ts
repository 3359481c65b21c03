import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type { AttachSession } from '../container-runtime';
import { launchError } from './errors';

/** What makes the daemon think that somebody leaves. Its own two keys are those of whoever attaches, who is asked where they are typed. */
const leaveKeys = 'ctrl-],ctrl-@,ctrl-],ctrl-@';

/** Types to a container that has a terminal; what it prints comes by way of its log. */
export async function attachToTerminal(container: Docker.Container): Promise<AttachSession> {
  try {
    const stream = (await container.attach({
      stream: true,
      stdin: true,
      hijack: true,
      detachKeys: leaveKeys,
    })) as Duplex;
    // It ends with the container.
    stream.on('error', () => undefined).resume();
    return {
      stdin: stream,
      resize: async ({ rows, columns }) => {
        await container.resize({ h: rows, w: columns }).catch(() => undefined);
      },
      end: () => stream.destroy(),
    };
  } catch (error) {
    throw launchError('cannot attach to the container', error);
  }
}
