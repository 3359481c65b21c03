/** The messages and services of `meseta.internal.v1`: what Meseta's own services say to each other. */
export * from './gen/meseta/internal/v1/agent_gateway';
export * from './gen/meseta/internal/v1/allocator';
export * from './gen/meseta/internal/v1/registry';
