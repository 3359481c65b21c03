import type { ContainerId } from '@meseta/model';

/** Limits of memory, of which one below what is in use waits until there is room: to set it would end somebody. */
export class LateLimits {
  private readonly waiting = new Map<ContainerId, number>();

  /** @param set sets the limit of a container in bytes, if that ends nobody; whether it did */
  constructor(private readonly set: (containerId: ContainerId, bytes: number) => boolean) {}

  /** Sets a limit, now or when there is room; one that waited before is void. */
  limit(containerId: ContainerId, bytes: number): void {
    if (this.set(containerId, bytes)) this.waiting.delete(containerId);
    else this.waiting.set(containerId, bytes);
  }

  /** Tries those that wait once more. */
  retry(isThere: (containerId: ContainerId) => boolean): void {
    for (const [containerId, bytes] of [...this.waiting]) {
      if (isThere(containerId)) this.limit(containerId, bytes);
      else this.waiting.delete(containerId);
    }
  }

  forget(containerId: ContainerId): void {
    this.waiting.delete(containerId);
  }
}
