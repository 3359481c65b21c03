export { masterOptions, type MasterConfig } from './config';
export { createMasterServer, type MasterDeps, type MasterServer } from './server';
