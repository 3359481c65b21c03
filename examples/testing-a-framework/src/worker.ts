import type { TaskSpec } from '@meseta/sdk';

/** What each member of the gang runs. */
export const worker: TaskSpec = { name: 'worker', command: 'run 10000 0', resources: 'cpus:1;mem:256' };
