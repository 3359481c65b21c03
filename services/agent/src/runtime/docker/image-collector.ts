import { statfs } from 'node:fs/promises';
import type Docker from 'dockerode';
import type { Logger, Timers } from '@meseta/kit';
import { Rounds } from '../../rounds';
import { isDone } from './errors';
import type { ImageRecord, PulledImage } from './image-record';

/** When images go, and which never do (G82). */
export interface CollectionRules {
  /** The part of the engine's disk that is to be free, 0 to 1. */
  readonly headroom: number;
  /** How often the disk is looked at. Milliseconds. */
  readonly intervalMs: number;
  /** Images that stay: names with a tag, or without one for all of their tags. */
  readonly excluded: readonly string[];
}

export interface ImageCollectorOptions {
  readonly docker: Docker;
  readonly rules: CollectionRules;
  readonly record: ImageRecord;
  readonly onDeleted: () => void;
  readonly log: Logger;
  readonly timers: Timers;
  /** The part of the engine's disk that is free; found out if unset. */
  readonly freePart?: () => Promise<number>;
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

/** Deletes images that this agent pulled and no container uses, while the engine's disk is too full. */
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

  /** What is asked of the daemon now is not waited for. */
  close(): void {
    this.closed = true;
    void this.rounds.close();
  }

  async goRound(): Promise<void> {
    const { docker, rules, record, onDeleted, log } = this.options;
    const isFull = async (): Promise<boolean> => (await this.freePart()) < rules.headroom;
    if (!(await isFull())) return;
    // Also those that have ended: their output is still to be read.
    const containers = await docker.listContainers({ all: true });
    const used = new Set(containers.flatMap(({ Image, ImageID }) => [Image, ImageID]));
    for (const { name } of collectable(record.all(), (name) => used.has(name), rules.excluded)) {
      if (this.closed) return;
      try {
        const { Id } = await docker.getImage(name).inspect();
        if (used.has(Id)) continue;
        // Not by force: one that a container came to use meanwhile stays.
        await docker.getImage(name).remove();
        log.info({ image: name }, 'deleted an image: the disk of the Docker engine is full');
        onDeleted();
      } catch (error) {
        if (!isDone(error)) throw error;
        if ((error as { statusCode?: number }).statusCode === 409) continue;
      }
      record.forget(name);
      if (!(await isFull())) return;
    }
  }

  private async freePart(): Promise<number> {
    if (this.options.freePart !== undefined) return this.options.freePart();
    const { DockerRootDir } = (await this.options.docker.info()) as { DockerRootDir: string };
    const { blocks, bavail } = await statfs(DockerRootDir);
    return blocks === 0 ? 1 : bavail / blocks;
  }
}
