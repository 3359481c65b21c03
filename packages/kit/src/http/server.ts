import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { checkMayListen, hostPort, listenError } from '../listen';
import type { Logger } from '../log';
import type { ServiceRegistry } from '../metrics/service-registry';

/** The server while it is put together, and what its routes get: fastify's. */
export type HttpApp = FastifyInstance;
export type HttpRequest = FastifyRequest;
export type HttpReply = FastifyReply;

/** What the HTTP server of a service is made of. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly insecure: boolean;
  readonly service: string;
  readonly version: string;
  readonly metrics: ServiceRegistry;
  /** Whether the service can do its work; a text says why not. */
  readonly ready: () => true | string;
  readonly log: Logger;
  /** Adds the service's own routes. */
  readonly routes?: (app: HttpApp) => void;
}

/** A server that listens. */
export interface HttpServer {
  /** The bound address, as host:port. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Starts the HTTP server that every service has: `/health/live` (the process answers), `/health/ready` (200, or 503
 * and the reason), `/metrics` (Prometheus's plain text, or OpenMetrics for who
 * accepts it) and `/version`.
 *
 * Throws a `FailureError` of one line when the address is not allowed without certificates or cannot be had.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  checkMayListen(options.host, options.insecure);
  options.metrics.addProcess();
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.get('/health/live', (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/health/ready', (_request, reply) => {
    const ready = options.ready();
    return reply
      .code(ready === true ? 200 : 503)
      .type('text/plain')
      .send(ready === true ? 'ok\n' : `${ready}\n`);
  });
  app.get('/metrics', async (request, reply) => {
    const { contentType, text } = await options.metrics.expose(request.headers.accept);
    return reply.type(contentType).send(text);
  });
  app.get('/version', () => ({ service: options.service, version: options.version }));
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const code = error.statusCode ?? 500;
    if (code >= 500) options.log.error({ err: error, url: request.url }, 'request failed');
    return reply
      .code(code)
      .type('text/plain')
      .send(code >= 500 ? 'internal error; the server logged it\n' : `${error.message}\n`);
  });
  options.routes?.(app);
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.close();
    throw listenError(error, options.host, options.port, '--http-port');
  }
  const bound = app.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : options.port;
  return { address: hostPort(options.host, port), close: () => app.close() };
}
