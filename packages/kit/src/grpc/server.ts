import {
  Server,
  ServerCredentials,
  logVerbosity,
  setLogVerbosity,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { chmod } from 'node:fs/promises';
import { failure } from '@meseta/model';
import { HealthImplementation } from 'grpc-health-check';
import { FailureError } from '../failure-error';
import { checkMayListen, hostPort, listenError } from '../listen';
import type { Logger } from '../log';
import { serverOptions } from './channel';
import { addReflection } from './reflection';
import { makeRoomForSocket } from './unix-socket';
import { isIncident } from './unary';

/** One service of a server. */
export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
  /** As in the `.proto`, with the package: `meseta.v1.SchedulerService`. */
  readonly fullName: string;
}

/** What every gRPC server is made of. */
interface GrpcServices {
  readonly services: readonly GrpcService[];
  /** Whether the health service says SERVING; always if unset. It is looked at several times a second. */
  readonly healthy?: () => boolean;
  readonly log: Logger;
}

/** What a gRPC server is made of that listens on an address of the network. */
export interface GrpcServerOptions extends GrpcServices {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly insecure: boolean;
}

/** What a gRPC server is made of that listens on a unix socket. */
export interface GrpcSocketServerOptions extends GrpcServices {
  /** An absolute path. Its folder is made; a socket that nobody listens on is replaced. */
  readonly path: string;
}

/** A server that listens. */
export interface GrpcServer {
  /** The bound address, as host:port or unix:path. */
  readonly address: string;
  /** Ends calls in at most `graceMs` (1 s if unset): what still runs then is cut off. */
  close(graceMs?: number): Promise<void>;
}

/** How often the health service learns whether this process is healthy. */
const healthIntervalMs = 250;
const closeGraceMs = 1000;

/**
 * Starts a gRPC server with the health service (for each service and for '', the whole server) and reflection.
 *
 * Throws a `FailureError` of one line when the address is not allowed without certificates or cannot be had.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host, port } = options;
  checkMayListen(host, options.insecure);
  const { bound, close } = await listen(options, hostPort(host, port), (error) =>
    listenError(error, host, port, '--port'),
  );
  return { address: hostPort(host, bound), close };
}

/**
 * Starts the same on a unix socket that every user of the machine may write to: who calls is for the services to find out.
 *
 * Throws a `FailureError` of one line when the socket cannot be had.
 */
export async function startGrpcSocketServer(options: GrpcSocketServerOptions): Promise<GrpcServer> {
  const { path } = options;
  await makeRoomForSocket(path);
  const address = `unix:${path}`;
  const { close } = await listen(options, address, (error) => {
    const why = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
    return new FailureError(failure('denied', `cannot listen on ${address}: ${why}`));
  });
  await chmod(path, 0o666);
  return { address, close };
}

async function listen(
  options: GrpcServices,
  address: string,
  refusal: (error: unknown) => FailureError,
): Promise<{ readonly bound: number; readonly close: GrpcServer['close'] }> {
  // What the library would print on stderr is told by the errors that it raises as well.
  if (process.env['GRPC_VERBOSITY'] === undefined) setLogVerbosity(logVerbosity.NONE);
  const server = new Server(serverOptions());
  for (const service of options.services) {
    server.addService(service.definition, logIncidents(service, options.log));
  }
  const names = options.services.map((service) => service.fullName);
  addReflection(server, names);
  const stopHealth = addHealth(server, names, options.healthy ?? (() => true));
  try {
    const bound = await bind(server, address);
    return { bound, close: (graceMs) => close(server, stopHealth, graceMs) };
  } catch (error) {
    stopHealth();
    server.forceShutdown();
    throw refusal(error);
  }
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
}

async function close(server: Server, stopHealth: () => void, graceMs = closeGraceMs): Promise<void> {
  stopHealth();
  await new Promise<void>((resolve) => {
    const cut = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(cut);
      resolve();
    });
  });
}

function addHealth(server: Server, names: readonly string[], healthy: () => boolean): () => void {
  const all = ['', ...names];
  const statusOf = (up: boolean): 'SERVING' | 'NOT_SERVING' => (up ? 'SERVING' : 'NOT_SERVING');
  let last = healthy();
  const health = new HealthImplementation(Object.fromEntries(all.map((name) => [name, statusOf(last)])));
  health.addToServer(server);
  const timer = setInterval(() => {
    const now = healthy();
    if (now === last) return;
    last = now;
    for (const name of all) health.setStatus(name, statusOf(now));
  }, healthIntervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Unary handlers tell a fault of ours by an `IncidentError`: here it is logged, under the id that the caller got. */
function logIncidents(service: GrpcService, log: Logger): UntypedServiceImplementation {
  const wrapped: Record<string, UntypedHandleCall> = { ...service.implementation };
  for (const [name, definition] of Object.entries(service.definition)) {
    const handler = service.implementation[name];
    if (handler === undefined || definition.requestStream || definition.responseStream) continue;
    const unary = handler as (call: unknown, callback: (error: unknown, ...rest: unknown[]) => void) => void;
    const logged: typeof unary = (call, callback) =>
      unary(call, (error, ...rest) => {
        if (isIncident(error)) {
          log.error(
            { incidentId: error.incidentId, method: definition.path, err: error.cause },
            'handler failed',
          );
        }
        callback(error, ...rest);
      });
    wrapped[name] = logged as UntypedHandleCall;
  }
  return wrapped;
}
