export { masterOptions, type MasterConfig } from './config';
export { createMasterMetrics, type MasterMetrics } from './metrics';
export { createMasterServer, type MasterDeps, type MasterServer } from './server';
