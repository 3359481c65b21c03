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

  void(containerId: ContainerId): string {
    return join(this.directory, `${containerId}.void`);
  }
}

export const exitSuffix = '.exit';
