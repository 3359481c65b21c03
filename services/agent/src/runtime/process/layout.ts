import { join } from 'node:path';
import type { ContainerId } from '@meseta/model';

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

  /** All but the void file, which goes last. */
  traces(containerId: ContainerId): readonly string[] {
    return [this.pid(containerId), this.exit(containerId), this.table(containerId), this.input(containerId)];
  }

  void(containerId: ContainerId): string {
    return join(this.directory, `${containerId}.void`);
  }
}

export const exitSuffix = '.exit';
