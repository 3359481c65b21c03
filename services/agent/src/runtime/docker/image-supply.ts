import { isFailure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { ContainerSpec, FetchListener } from '../container-runtime';
import type { Credentials } from '../../images/credentials';
import type { ImageRecord } from '../../images/image-record';
import type { Images } from './images';

export interface ImageSupplyOptions {
  readonly images: Images;
  readonly credentials: Credentials;
  /** The images that this agent pulled. */
  readonly record: ImageRecord;
  /** Told of each pull that is over, well or not. */
  readonly onPulled: (outcome: 'pulled' | 'failed') => void;
}

/** Brings the images of tasks, as whoever may have them, and remembers which were brought. */
export class ImageSupply {
  constructor(private readonly options: ImageSupplyOptions) {}

  /**
   * Makes sure that the daemon has the image of a task.
   *
   * @throws FailureError when it cannot be had, or is not wanted any more
   */
  async ensure(
    { container, sandbox }: ContainerSpec,
    image: string,
    listener: FetchListener,
    signal?: AbortSignal,
  ): Promise<void> {
    const { images, credentials, record, onPulled } = this.options;
    const auth = await credentials.for(image, sandbox);
    if (isFailure(auth)) throw new FailureError(auth);
    const always = container?.docker?.forcePullImage === true;
    try {
      const pulled = await images.ensure(image, { always, auth, listener, signal });
      if (pulled) onPulled('pulled');
      record.use(image, pulled, Date.now());
    } catch (error) {
      if (signal?.aborted !== true) onPulled('failed');
      throw error;
    }
  }
}
