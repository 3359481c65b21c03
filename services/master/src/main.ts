import { createLogger, readConfig, runService, startTracing } from '@meseta/kit';
import { masterOptions } from './config';
import { createMasterServer } from './server';

runService('master', async ({ argv, env }) => {
  const config = readConfig(masterOptions, argv, env);
  return createMasterServer({
    config,
    log: createLogger('master', config.logLevel),
    tracing: startTracing('master'),
  });
});
