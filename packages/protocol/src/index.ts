/**
 * Every message, client and service definition of Meseta.
 *
 * The nouns of `meseta.v1` are exported flat; a sub-package (`scheduler`, `executor` …) and the messages that
 * only Meseta's own services send each other (`internal`) are namespaces, since their names repeat.
 */
export * from './gen/meseta/v1/addresses';
export * from './gen/meseta/v1/agent_service';
export * from './gen/meseta/v1/agents';
export * from './gen/meseta/v1/attributes';
export * from './gen/meseta/v1/cgroups';
export * from './gen/meseta/v1/checks';
export * from './gen/meseta/v1/commands';
export * from './gen/meseta/v1/container_status';
export * from './gen/meseta/v1/containers';
export * from './gen/meseta/v1/devices';
export * from './gen/meseta/v1/discovery';
export * from './gen/meseta/v1/domains';
export * from './gen/meseta/v1/drain';
export * from './gen/meseta/v1/drivers';
export * from './gen/meseta/v1/executor_service';
export * from './gen/meseta/v1/executors';
export * from './gen/meseta/v1/files';
export * from './gen/meseta/v1/frameworks';
export * from './gen/meseta/v1/ids';
export * from './gen/meseta/v1/images';
export * from './gen/meseta/v1/labels';
export * from './gen/meseta/v1/linux';
export * from './gen/meseta/v1/machines';
export * from './gen/meseta/v1/masters';
export * from './gen/meseta/v1/network_statistics';
export * from './gen/meseta/v1/networks';
export * from './gen/meseta/v1/offer_filters';
export * from './gen/meseta/v1/offers';
export * from './gen/meseta/v1/operations';
export * from './gen/meseta/v1/operator_service';
export * from './gen/meseta/v1/parameters';
export * from './gen/meseta/v1/perf_statistics';
export * from './gen/meseta/v1/rate_limits';
export * from './gen/meseta/v1/resource_providers';
export * from './gen/meseta/v1/resource_statistics';
export * from './gen/meseta/v1/resource_usage';
export * from './gen/meseta/v1/resources';
export * from './gen/meseta/v1/roles';
export * from './gen/meseta/v1/scheduler_service';
export * from './gen/meseta/v1/secrets';
export * from './gen/meseta/v1/task_status';
export * from './gen/meseta/v1/tasks';
export * from './gen/meseta/v1/times';
export * from './gen/meseta/v1/values';
export * from './gen/meseta/v1/versions';
export * from './gen/meseta/v1/volumes';
export * as agent from './gen/meseta/v1/agent/agent';
export * as allocator from './gen/meseta/v1/allocator/allocator';
export * as executor from './gen/meseta/v1/executor/executor';
export * as maintenance from './gen/meseta/v1/maintenance/maintenance';
export * as master from './gen/meseta/v1/master/master';
export * as quota from './gen/meseta/v1/quota/quota';
export * as scheduler from './gen/meseta/v1/scheduler/scheduler';
export * as internal from './internal';
export * from './convert';
export { fileDescriptors } from './descriptors';
