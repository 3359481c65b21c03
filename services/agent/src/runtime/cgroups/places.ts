import { join } from 'node:path';
import { containerId as asContainerId, type ContainerId } from '@meseta/model';
import { groupsIn } from './files';

/** Where the groups of containers are within the agent's own: at its top, or within a group of several. */
export class Places {
  private readonly groups = new Map<ContainerId, ContainerId>();

  put(containerId: ContainerId, groupId: ContainerId): void {
    this.groups.set(containerId, groupId);
  }

  forget(containerId: ContainerId): void {
    this.groups.delete(containerId);
  }

  of(parent: string, containerId: ContainerId): string {
    const group = this.groups.get(containerId);
    return group === undefined ? join(parent, containerId) : join(parent, group, containerId);
  }

  /** The group of several that a container is part of. */
  groupOf(containerId: ContainerId): ContainerId | undefined {
    return this.groups.get(containerId);
  }

  /** The containers that have groups below a parent, those within others first; where they are is remembered. */
  list(parent: string): readonly ContainerId[] {
    const inner: ContainerId[] = [];
    const outer = groupsIn(parent).map(asContainerId);
    for (const group of outer) {
      for (const name of groupsIn(join(parent, group))) {
        const containerId = asContainerId(name);
        this.groups.set(containerId, group);
        inner.push(containerId);
      }
    }
    return [...inner, ...outer];
  }
}
