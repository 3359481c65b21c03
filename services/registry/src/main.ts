import { createLogger, readConfig, runService } from '@meseta/kit';
import { registryOptions } from './config';
import { createRegistryServer } from './server';

runService('registry', async ({ argv, env }) => {
  const config = readConfig(registryOptions, argv, env);
  return createRegistryServer({ config, log: createLogger('registry', config.logLevel) });
});
