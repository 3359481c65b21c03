/** The registry as a library: for tests and for a cluster in one process. */
export { registryOptions, type RegistryConfig } from './config';
export { createRegistryMetrics, type RegistryMetrics } from './metrics';
export { createRegistryServer, type RegistryDeps, type RegistryServer } from './server';
export { createMemoryStore } from './store/memory';
export type { Store } from './store/store';
