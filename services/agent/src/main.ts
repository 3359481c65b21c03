import { createLogger, readConfig, runService, startTracing } from '@meseta/kit';
import { agentService } from './config';
import { closeInheritedFiles } from './runtime/process/inherited-files';
import { createAgentServer, type AgentServer } from './server';

closeInheritedFiles();

runService('agent', async ({ argv, env }) => {
  const config = readConfig(agentService, argv, env);
  const log = createLogger('agent', config.logLevel);
  const tracing = startTracing('agent');
  const server: AgentServer = await createAgentServer({
    config,
    log,
    tracing,
    onFatal: (error) => {
      process.stderr.write(`meseta-agent: ${error.message}\n`);
      void server.close().finally(() => process.exit(1));
    },
  });
  if (config.recover === 'cleanup') {
    await server.close();
    log.info('ended all tasks of an earlier life (--recover=cleanup)');
    process.exit(0);
  }
  log.info({ grpc: server.grpc, http: server.http }, 'listening');
  // As in Mesos (G19): SIGTERM ends the agent and its tasks run on, SIGUSR1 takes the agent out of the cluster.
  process.once('SIGUSR1', () => {
    void server
      .unregister('asked by SIGUSR1')
      .then(() => server.close())
      .finally(() => process.exit(0));
  });
  return {
    close: async () => {
      await server.close();
      await tracing.shutdown();
    },
  };
});
