import type { SpanExporter } from '@opentelemetry/sdk-trace-base';

type Exporter = new () => SpanExporter;

/** Its exporter reads the other variables of OpenTelemetry itself: endpoint, headers, timeout, compression. */
export function createExporter(env: Readonly<Record<string, string | undefined>>): SpanExporter {
  const protocol =
    env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? 'http/protobuf';
  const { OTLPTraceExporter } = load(protocol);
  return new OTLPTraceExporter();
}

/** Only what is used is loaded. */
function load(protocol: string): { readonly OTLPTraceExporter: Exporter } {
  /* eslint-disable @typescript-eslint/no-require-imports */
  switch (protocol) {
    case 'grpc':
      return require('@opentelemetry/exporter-trace-otlp-grpc') as { OTLPTraceExporter: Exporter };
    case 'http/json':
      return require('@opentelemetry/exporter-trace-otlp-http') as { OTLPTraceExporter: Exporter };
    default:
      return require('@opentelemetry/exporter-trace-otlp-proto') as { OTLPTraceExporter: Exporter };
  }
  /* eslint-enable @typescript-eslint/no-require-imports */
}
