import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { containerId as asContainerId, type ContainerId } from '@meseta/model';
import type { Exit } from '../../state/command';
import { signalName } from '../signals';
import type { ProcessName } from './proc';

/** The processes of a container. */
export interface ContainerProcesses {
  /** The task: also the number of its process group and of its session. */
  readonly task: ProcessName;
  readonly supervisor: ProcessName;
}

/** The files of supervisors: one directory for all, so that one watch sees every end. */
export class RunFiles {
  constructor(readonly directory: string) {}

  pid(containerId: ContainerId): string {
    return join(this.directory, `${containerId}.pid`);
  }

  exit(containerId: ContainerId): string {
    return join(this.directory, `${containerId}${exitSuffix}`);
  }

  /** What is mounted for it. */
  table(containerId: ContainerId): string {
    return join(this.directory, `${containerId}.table`);
  }

  /** What is typed to it, if it has a terminal. */
  input(containerId: ContainerId): string {
    return join(this.directory, `${containerId}.input`);
  }

  /** The image that it runs from. */
  image(containerId: ContainerId): string {
    return join(this.directory, `${containerId}${imageSuffix}`);
  }

  /** All but the void file, which goes last. */
  traces(containerId: ContainerId): readonly string[] {
    return [
      this.pid(containerId),
      this.exit(containerId),
      this.table(containerId),
      this.input(containerId),
      this.image(containerId),
    ];
  }

  void(containerId: ContainerId): string {
    return join(this.directory, `${containerId}.void`);
  }

  /** Undefined until the task's process exists. */
  async readPids(containerId: ContainerId): Promise<ContainerProcesses | undefined> {
    const text = await readFile(this.pid(containerId), 'utf8').catch(() => '');
    const [pid, startTime, supervisorPid, supervisorStart] = text.split(/\s/).map(Number);
    if (!text.endsWith('\n') || !pid || !startTime || !supervisorPid || !supervisorStart) return undefined;
    return { task: { pid, startTime }, supervisor: { pid: supervisorPid, startTime: supervisorStart } };
  }

  /** Undefined until the task has ended. */
  async readExit(containerId: ContainerId): Promise<Exit | undefined> {
    const text = await readFile(this.exit(containerId), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const status = Number(text);
    const signal = signalName(status);
    return signal === undefined ? { kind: 'exited', status } : { kind: 'signaled', signal };
  }
}

export const exitSuffix = '.exit';
export const imageSuffix = '.image';

/** Whose a file is, by its name. */
export function containerOf(name: string): ContainerId {
  return asContainerId(name.replace(/\.(pid|exit|void|table|input|image|dev|exit\.tmp)$/, ''));
}
