import type { ChannelOptions } from '@grpc/grpc-js';

/** The largest message either side takes. The largest that is sent is a snapshot chunk or a batch, far below this. */
export const maxMessageBytes = 16 * 1024 * 1024;

/** How long a connection may be silent before it is pinged, and how long the answer may take. */
const keepaliveTimeMs = 20_000;
const keepaliveTimeoutMs = 10_000;

/** Options of every client: keep-alive also between calls, so that a dead peer is noticed; quick reconnection. */
export function channelOptions(): ChannelOptions {
  return {
    ...messageLimits(),
    'grpc.keepalive_time_ms': keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2000,
    // A client's calls go to the address it was given, not through a proxy that the environment names.
    'grpc.enable_http_proxy': 0,
  };
}

/** Options of every server. */
export function serverOptions(): ChannelOptions {
  return {
    ...messageLimits(),
    'grpc.keepalive_time_ms': keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    // Two processes may not share a port: the second is told that it is in use.
    'grpc.so_reuseport': 0,
  };
}

function messageLimits(): ChannelOptions {
  return {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
  };
}
