import { commonOptions, defineOptions, parseDurationMs, type ConfigOf } from '@meseta/kit';
import {
  assert,
  failure,
  isFailure,
  parseDomain,
  validateRole,
  type Domain,
  type Failure,
} from '@meseta/model';
import type { MasterOptions } from './state/state';

/** The options of the master, and all that is derived from them: flags, variables, help, documentation. */
export const masterOptions = {
  name: 'master',
  summary: 'The broker: frameworks, agents, offers, tasks. One leads, any number stand by.',
  options: defineOptions({
    ...commonOptions,
    port: { ...commonOptions.port, default: 5060 },
    httpPort: { ...commonOptions.httpPort, default: 5050 },
    registry: {
      kind: 'addresses',
      default: ['127.0.0.1:5063'],
      help: 'Registry instances; any of them will do.',
      placeholder: 'host:port,…',
    },
    allocator: {
      kind: 'addresses',
      default: ['127.0.0.1:5062'],
      help: 'Allocator instances; one of them is used.',
      placeholder: 'host:port,…',
    },
    hostname: {
      kind: 'string',
      help: "The name of this machine, as others know it; the system's own if not given.",
      placeholder: 'name',
    },
    domain: {
      kind: 'string',
      help: 'Where this master is, as region/zone or as JSON: agents of other regions are offered to frameworks with the capability REGION_AWARE only. All masters must be in one region.',
      placeholder: 'region/zone',
    },
    requireAgentDomain: {
      kind: 'boolean',
      default: false,
      help: 'Whether agents without --domain are refused; else they are taken to be in the region of the masters.',
    },
    roles: {
      kind: 'list',
      default: [],
      help: 'The only roles that frameworks, quotas, weights and operators may use; any role if not given.',
      placeholder: 'role,…',
    },
    agentPingTimeout: {
      kind: 'duration',
      default: '15s',
      min: 100,
      max: 900_000,
      help: 'How long an agent may take to answer a ping, and so how often it is pinged.',
    },
    maxAgentPingTimeouts: {
      kind: 'integer',
      default: 5,
      min: 1,
      help: 'How many pings in a row an agent may miss before it is unreachable.',
    },
    agentReregisterTimeout: {
      kind: 'duration',
      default: '10m',
      min: 1000,
      help: 'How long agents of the registry may stay away after an election before they are unreachable.',
    },
    agentRemovalRateLimit: {
      kind: 'string',
      help: 'How many agents that do not answer become unreachable within a time at most, as 1/10m; as many as do not answer if not given. One that is heard of while it waits stays.',
      placeholder: 'count/duration',
    },
    frameworkReregisterTimeout: {
      kind: 'duration',
      default: '1m',
      min: 1000,
      help: 'How long frameworks may stay away after an election, if their own failover timeout is shorter.',
    },
    offerTimeout: {
      kind: 'duration',
      default: '5m',
      min: 0,
      help: 'How long a framework may sit on an offer before it is rescinded; 0 means for ever.',
    },
  }),
  relations: (config: {
    agentPingTimeout: number;
    maxAgentPingTimeouts: number;
    agentReregisterTimeout: number;
    agentRemovalRateLimit: string | undefined;
    domain: string | undefined;
    requireAgentDomain: boolean;
    roles: readonly string[];
  }): string | undefined => {
    for (const role of config.roles) {
      const refused = validateRole(role);
      if (refused !== undefined) return `--roles: ${refused.message}`;
    }
    const domain = config.domain === undefined ? undefined : parseDomain(config.domain);
    if (isFailure(domain)) return `--domain: ${domain.message}`;
    if (config.requireAgentDomain && domain === undefined)
      return '--require-agent-domain needs --domain: agents with a domain are refused by a master without one';
    if (config.agentReregisterTimeout < config.agentPingTimeout)
      return '--agent-reregister-timeout must not be shorter than --agent-ping-timeout: agents would be given up before they are pinged';
    const interval = intervalMsOf(config.agentRemovalRateLimit);
    return isFailure(interval) ? `--agent-removal-rate-limit ${interval.message}` : undefined;
  },
};

/**
 * The time between two of so many within a time.
 *
 * @param rate as `1/10m`; undefined is without limit
 * @returns milliseconds, 0 for no limit
 */
export function intervalMsOf(rate: string | undefined): number | Failure {
  if (rate === undefined) return 0;
  const [, count, duration] = /^([1-9]\d*)\/(.+)$/.exec(rate) ?? [];
  const withinMs = duration === undefined ? undefined : parseDurationMs(duration);
  if (count === undefined || withinMs === undefined || isFailure(withinMs) || withinMs <= 0)
    return failure('invalid', `must be a count and a duration, as 1/10m, not "${rate}"`);
  return withinMs / Number(count);
}

/** Where the master is; undefined if it was not told. */
export function domainOf({ domain }: Pick<MasterConfig, 'domain'>): Domain | undefined {
  const parsed = domain === undefined ? undefined : parseDomain(domain);
  assert(!isFailure(parsed), 'options are checked before');
  return parsed;
}

export type MasterConfig = ConfigOf<typeof masterOptions.options>;

/** What nobody sets: constants of Mesos, of heartbeats and history, and our own bounds. */
export const fixedOptions = {
  heartbeatIntervalMs: 15_000,
  completedFrameworksMax: 50,
  completedTasksPerFrameworkMax: 1000,
  unreachableTasksPerFrameworkMax: 1000,
  goneAgentsMax: 100_000,
} satisfies Partial<MasterOptions>;
