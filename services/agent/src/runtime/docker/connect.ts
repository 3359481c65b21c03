import { failure, type Failure } from '@meseta/model';
import type { Logger, Timers } from '@meseta/kit';
import type { ContainerRuntime, EndListener } from '../container-runtime';

export function connectDocker(_options: { readonly socketPath: string; readonly agentName: string; readonly onEnd: EndListener; readonly log: Logger; readonly timers: Timers }): Promise<ContainerRuntime | Failure> {
  return Promise.resolve(failure('denied', 'not yet'));
}
