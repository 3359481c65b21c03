import { hostname, userInfo } from 'node:os';
import { FailureError, parseAddress, parseDurationMs } from '@meseta/kit';
import { failure, isFailure, validateId, validateRole, type Failure } from '@meseta/model';
import { FrameworkInfo_Capability_Type, type FrameworkInfo } from '@meseta/protocol';

/** The capabilities that a framework may declare, as in the Mesos v1 API. */
export type FrameworkCapability = Exclude<
  keyof typeof FrameworkInfo_Capability_Type,
  'UNKNOWN' | 'UNRECOGNIZED'
>;

/** A framework, as its author describes it. */
export interface FrameworkOptions {
  readonly name: string;
  /** The role, or the roles, in which it gets offers; `*` if neither is given. */
  readonly role?: string;
  readonly roles?: readonly string[];
  /** Whom its tasks run as unless they say; the user of this process if unset. */
  readonly user?: string;
  /** The id that an earlier run was given: the framework returns with its tasks. */
  readonly id?: string;
  /** How long the framework may be away before its tasks are killed: milliseconds, or text as `1h`. 0 if unset. */
  readonly failoverTimeoutMs?: number | string;
  /** Beyond those that the SDK handles for you (see `handledCapabilities`). */
  readonly capabilities?: readonly FrameworkCapability[];
  readonly principal?: string;
  readonly hostname?: string;
  /** Where people can look at the framework. */
  readonly webuiUrl?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What the SDK understands on every framework's behalf, and so declares. */
export const handledCapabilities: readonly FrameworkCapability[] = [
  'MULTI_ROLE',
  'PARTITION_AWARE',
  'RESERVATION_REFINEMENT',
  'TASK_KILLING_STATE',
];

/** Checks a description and turns it into the message. The failure names the field and the rule. */
export function frameworkInfoOf(options: FrameworkOptions): FrameworkInfo | Failure {
  if (options.name === '') return failure('invalid', 'framework.name must not be empty', { field: 'name' });
  if (options.role !== undefined && options.roles !== undefined) {
    return failure('invalid', 'give framework.role or framework.roles, not both', { field: 'roles' });
  }
  const roles = options.roles ?? [options.role ?? '*'];
  if (roles.length === 0) return failure('invalid', 'framework.roles must not be empty', { field: 'roles' });
  for (const role of roles) {
    const wrong = validateRole(role);
    if (wrong !== undefined) return wrong;
  }
  const wrongId = options.id === undefined ? undefined : validateId('framework.id', options.id);
  if (wrongId !== undefined) return wrongId;
  const failoverMs = durationMsOf(options.failoverTimeoutMs ?? 0);
  if (isFailure(failoverMs)) return failoverMs;
  const capabilities = new Set([...handledCapabilities, ...(options.capabilities ?? [])]);
  const labels = Object.entries(options.labels ?? {}).map(([key, value]) => ({ key, value }));
  return {
    name: options.name,
    user: options.user ?? userInfo().username,
    roles,
    id: options.id === undefined ? undefined : { value: options.id },
    failoverTimeout: failoverMs / 1000,
    checkpoint: true,
    hostname: options.hostname ?? hostname(),
    principal: options.principal,
    webuiUrl: options.webuiUrl,
    offerFilters: {},
    labels: labels.length === 0 ? undefined : { labels },
    capabilities: [...capabilities].map((name) => ({ type: FrameworkInfo_Capability_Type[name] })),
  };
}

/** A duration as the SDK's functions take it: milliseconds, or text as `5m`. */
export type Duration = number | string;

/** Compiles a duration to milliseconds. */
export function durationMsOf(duration: Duration): number | Failure {
  const ms = typeof duration === 'string' ? parseDurationMs(duration) : duration;
  if (isFailure(ms)) return ms;
  return Number.isFinite(ms) && ms >= 0
    ? ms
    : failure('invalid', `a duration must not be negative, as ${ms} is`);
}

/** Splits `host:port,host:port…`; throws a `FailureError` that names the wrong part. */
export function addressesOf(master: string): readonly string[] {
  const addresses = master
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const wrong = addresses.map(parseAddress).find(isFailure);
  if (wrong !== undefined) throw new FailureError(failure('invalid', `master: ${wrong.message}`));
  if (addresses.length === 0) throw new FailureError(failure('invalid', 'master: no address was given'));
  return addresses;
}
