import { statfs } from 'node:fs/promises';
import type Docker from 'dockerode';
import type { ImageShelf } from '../../images/image-collector';
import type { ImageRecord, PulledImage } from '../../images/image-record';
import { isDone, statusCodeOf } from './errors';

/** The images of a Docker engine. */
export class DockerShelf implements ImageShelf {
  /** The images of containers, by their names and by their ids, as of the last look. */
  private taken: ReadonlySet<string> = new Set();

  /**
   * @param record which of them this agent pulled
   * @param free the part of the engine's disk that is free; found out if unset
   */
  constructor(
    private readonly docker: Docker,
    private readonly record: ImageRecord,
    private readonly free?: () => Promise<number>,
  ) {}

  all(): readonly PulledImage[] {
    return this.record.all();
  }

  async freePart(): Promise<number> {
    if (this.free !== undefined) return this.free();
    const { DockerRootDir } = (await this.docker.info()) as { DockerRootDir: string };
    const { blocks, bavail } = await statfs(DockerRootDir);
    return blocks === 0 ? 1 : bavail / blocks;
  }

  async used(): Promise<(name: string) => boolean> {
    // Also those that have ended: their output is still to be read.
    const containers = await this.docker.listContainers({ all: true });
    const taken = new Set(containers.flatMap(({ Image, ImageID }) => [Image, ImageID]));
    this.taken = taken;
    return (name) => taken.has(name);
  }

  async delete(name: string): Promise<'deleted' | 'gone' | 'used'> {
    const outcome = await this.remove(name);
    if (outcome !== 'used') this.record.forget(name);
    return outcome;
  }

  private async remove(name: string): Promise<'deleted' | 'gone' | 'used'> {
    const image = this.docker.getImage(name);
    try {
      const { Id } = await image.inspect();
      if (this.taken.has(Id)) return 'used';
      // Not by force: one that a container came to use meanwhile stays.
      await image.remove();
      return 'deleted';
    } catch (error) {
      if (!isDone(error)) throw error;
      return statusCodeOf(error) === 409 ? 'used' : 'gone';
    }
  }
}
