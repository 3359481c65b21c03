import type { Logger, Timers } from '@meseta/kit';
import { Rounds } from '../rounds';
import type { PulledImage } from './image-record';

/** When images go, and which never do (G82). */
export interface CollectionRules {
  /** The part of the disk of images that is to be free, 0 to 1. */
  readonly headroom: number;
  /** How often the disk is looked at. Milliseconds. */
  readonly intervalMs: number;
  /** Images that stay: names with a tag, or without one for all of their tags. */
  readonly excluded: readonly string[];
}

/** Where images are. */
export interface ImageShelf {
  /** Those that this agent pulled. */
  all(): readonly PulledImage[];
  /** The part of its disk that is free, 0 to 1. */
  freePart(): Promise<number>;
  /** Looks which images containers use, also those that have ended and are still there. */
  used(): Promise<(name: string) => boolean>;
  /** Deletes an image, unless a container has come to use it; one that is there no more, by this or before, is not told by `all` any more. */
  delete(name: string): Promise<'deleted' | 'gone' | 'used'>;
}

export interface ImageCollectorOptions {
  readonly shelf: ImageShelf;
  readonly rules: CollectionRules;
  readonly onDeleted: () => void;
  readonly log: Logger;
  readonly timers: Timers;
}

/** Which images may go, whoever was wanted least recently first. */
export function collectable(
  images: readonly PulledImage[],
  isInUse: (name: string) => boolean,
  excluded: readonly string[],
): readonly PulledImage[] {
  const isExcluded = (name: string): boolean =>
    excluded.some((kept) => name === kept || name.startsWith(`${kept}:`) || name.startsWith(`${kept}@`));
  return images
    .filter(({ name }) => !isExcluded(name) && !isInUse(name))
    .sort((a, b) => a.usedAtMs - b.usedAtMs || (a.name < b.name ? -1 : 1));
}

/** Deletes images that this agent pulled and no container uses, while their disk is too full. */
export class ImageCollector {
  private readonly rounds: Rounds;
  private closed = false;

  constructor(private readonly options: ImageCollectorOptions) {
    const { timers, rules, log } = options;
    this.rounds = new Rounds({
      intervalMs: rules.intervalMs,
      timers,
      goRound: () => this.goRound(),
      onError: (error) => log.warn({ err: error }, 'could not look after the images'),
    });
  }

  start(): void {
    this.rounds.start();
  }

  /** What is being done now is not waited for. */
  close(): void {
    this.closed = true;
    void this.rounds.close();
  }

  async goRound(): Promise<void> {
    const { shelf, rules, onDeleted, log } = this.options;
    const isFull = async (): Promise<boolean> => (await shelf.freePart()) < rules.headroom;
    if (!(await isFull())) return;
    const used = await shelf.used();
    for (const { name } of collectable(shelf.all(), used, rules.excluded)) {
      if (this.closed) return;
      const outcome = await shelf.delete(name);
      if (outcome === 'used') continue;
      if (outcome === 'deleted') {
        log.info({ image: name }, 'deleted an image: the disk of images is full');
        onDeleted();
      }
      if (!(await isFull())) return;
    }
  }
}
