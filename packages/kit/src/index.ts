export { systemClock, systemTimers, type Clock, type Timers } from './clock';
export { parseAddress, type Address } from './config/address';
export { commonOptions } from './config/common-options';
export { ConfigExit, isConfigExit } from './config/config-exit';
export { parseDurationMs, printDurationMs } from './config/duration';
export {
  defineOptions,
  flagOf,
  variableOf,
  type ConfigOf,
  type OptionKind,
  type OptionSpec,
  type ServiceOptions,
} from './config/option';
export { readConfig } from './config/read-config';
export { renderOptions } from './config/render-options';
export { formatMismatch } from './format-version';
export { FailureError, isFailureError } from './failure-error';
export { BatchWriter, type BatchObserver, type BatchWriterOptions } from './grpc/batch-stream';
export { channelOptions, maxMessageBytes } from './grpc/channel';
export { LeaderFinder, type LeaderFinderOptions } from './grpc/leader';
export {
  startGrpcServer,
  startGrpcSocketServer,
  type GrpcServer,
  type GrpcServerOptions,
  type GrpcService,
} from './grpc/server';
export { failureHeader, failureOf, leaderHeader, toServiceError } from './grpc/service-error';
export { grpcStatusOf } from './grpc/status';
export { socketPathRefusal } from './grpc/unix-socket';
export {
  callDeadlineMs,
  callUnary,
  unaryHandler,
  type CallUnaryOptions,
  type UnaryCall,
  type UnaryMethod,
} from './grpc/unary';
export {
  startHttpServer,
  type HttpApp,
  type HttpReply,
  type HttpRequest,
  type HttpServer,
  type HttpServerOptions,
} from './http/server';
export { checkMayListen, hostPort, isLoopback } from './listen';
export { createLogger, logLevels, type Logger } from './log';
export { createMetrics, latencyBucketsSeconds, type Metrics, type TracedHistogram } from './metrics';
export { boundedLabel, otherLabel } from './metrics/bounded-label';
export { createQueueSeries, type QueueSeries } from './metrics/queue-series';
export type { ServiceRegistry } from './metrics/service-registry';
export { createSpanSeries, type SpanSeries } from './metrics/span-series';
export { createStreamSeries, type StreamSeries } from './metrics/stream-series';
export { compilePattern, patternLengthMax, patternProgramSizeMax } from './pattern';
export { runService, type ProcessPort, type RunningService, type ServiceContext } from './service';
export type { NamedError, SpanError } from './tracing/exception';
export {
  noTracing,
  retryEvent,
  startTracing,
  type Attributes,
  type Retry,
  type Span,
  type SpanKind,
  type SpanCounts,
  type SpanOptions,
  type Tracing,
} from './tracing/tracing';
export { version } from './version';
