import type { ContainerId } from '@meseta/model';

/** Which containers use what one owner has for several: it is made with the first of them and goes with the last. */
export class Members {
  private readonly owners = new Map<ContainerId, ContainerId>();
  private readonly members = new Map<ContainerId, Set<ContainerId>>();

  enter(member: ContainerId, owner: ContainerId): void {
    this.owners.set(member, owner);
    const members = this.members.get(owner);
    if (members === undefined) this.members.set(owner, new Set([member]));
    else members.add(member);
  }

  /** @returns whether it was the last one of its owner's */
  leave(member: ContainerId): boolean {
    const owner = this.owners.get(member);
    if (owner === undefined) return false;
    this.owners.delete(member);
    const members = this.members.get(owner);
    members?.delete(member);
    return members?.size === 0 && this.members.delete(owner);
  }

  ownerOf(member: ContainerId): ContainerId | undefined {
    return this.owners.get(member);
  }

  /** Whether anybody uses what is the owner's. */
  has(owner: ContainerId): boolean {
    return this.members.has(owner);
  }
}
