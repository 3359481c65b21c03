import { createLogger, readConfig, runService, startTracing } from '@meseta/kit';
import { allocatorOptions } from './config';
import { createAllocatorServer } from './server';

runService('allocator', async ({ argv, env }) => {
  const config = readConfig(allocatorOptions, argv, env);
  return createAllocatorServer({
    config,
    log: createLogger('allocator', config.logLevel),
    tracing: startTracing('allocator'),
  });
});
