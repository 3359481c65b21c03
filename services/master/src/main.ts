import { createLogger, readConfig, runService, startTracing } from '@meseta/kit';
import { masterOptions } from './config';
import { createMasterServer, type MasterServer } from './server';

runService('master', async ({ argv, env }) => {
  const config = readConfig(masterOptions, argv, env);
  const server: MasterServer = await createMasterServer({
    config,
    log: createLogger('master', config.logLevel),
    tracing: startTracing('master'),
    onFatal: (error) => {
      process.stderr.write(`meseta-master: ${error.message}\n`);
      void server.close().finally(() => process.exit(1));
    },
  });
  return server;
});
