import { failure, type Failure } from '@meseta/model';
import { LinuxInfo_IpcMode, type ContainerInfo } from '@meseta/protocol';

/** Namespaces that a container has not for itself alone (G44). */
export interface ContainerShares {
  /** With whom it shares the namespace of processes; unset for its own. */
  readonly pid?: SharedWith;
  /** With whom it shares memory: System V's, POSIX message queues and /dev/shm. Unset for its own. */
  readonly ipc?: SharedWith;
  /** The size of the pod's /dev/shm. Megabytes. */
  readonly shmMegabytes: number;
}

/** The other tasks of its pod that wish so too, or all of the machine. */
export type SharedWith = 'pod' | 'machine';

/** The size of a /dev/shm if nothing else is asked for, as of Docker's. Megabytes. */
export const shmMegabytesDefault = 64;

interface Contained {
  readonly container?: ContainerInfo | undefined;
}

/**
 * What a container is to share: with its pod or, if it is in none, with the machine. A pod that shares with the machine does so for those who share with it.
 *
 * @returns undefined for one that shares nothing
 */
export function sharesOf({ container }: Contained, pod: Contained | undefined): ContainerShares | undefined {
  const own = asked(container);
  if (!own.pid && !own.ipc) return undefined;
  const above = pod === undefined ? { pid: true, ipc: true } : asked(pod.container);
  const withWhom = (isAbove: boolean): SharedWith => (isAbove ? 'machine' : 'pod');
  return {
    ...(own.pid && { pid: withWhom(above.pid) }),
    ...(own.ipc && { ipc: withWhom(above.ipc) }),
    shmMegabytes: pod?.container?.linuxInfo?.shmSize ?? shmMegabytesDefault,
  };
}

/** Whether a container wants what its parent has: its processes, its memory. */
export function sharesAny({ container }: Contained): boolean {
  const { pid, ipc } = asked(container);
  return pid || ipc;
}

/** A size for what is another's. */
export function sharesInvalid({ container }: Contained): Failure | undefined {
  if (!asked(container).ipc || container?.linuxInfo?.shmSize === undefined) return undefined;
  return failure('invalid', 'linux_info.shm_size must not be set where ipc_mode is SHARE_PARENT');
}

function asked(container: ContainerInfo | undefined): { readonly pid: boolean; readonly ipc: boolean } {
  const { sharePidNamespace, ipcMode } = container?.linuxInfo ?? {};
  return { pid: sharePidNamespace === true, ipc: ipcMode === LinuxInfo_IpcMode.SHARE_PARENT };
}
