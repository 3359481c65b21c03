import { failure, type Failure } from '@meseta/model';
import {
  CapabilityInfo_Capability,
  RLimitInfo_RLimit_Type,
  type CapabilityInfo,
  type ContainerInfo,
  type RLimitInfo_RLimit,
} from '@meseta/protocol';
import { installWords } from '../../seccomp/install';
import { processors } from '../../seccomp/syscalls';
import type { Isolation, IsolationPrograms } from './isolation';
import type { User } from './users';

/** What tasks may have of root's powers at most, unless the operator says otherwise: those of Docker less the making of device files. */
export const capabilitiesDefault: readonly string[] = [
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'net_bind_service',
  'net_raw',
  'sys_chroot',
  'audit_write',
  'setfcap',
];

/** Every power that there is, in lower case. */
export const capabilityNames: readonly string[] = Object.values(CapabilityInfo_Capability)
  .map((name) => String(name).toLowerCase())
  .filter((name) => name !== 'unknown' && name !== 'unrecognized');

/** Limits of the kernel by their names in prlimit(1). */
const rlimitNames: Readonly<Partial<Record<RLimitInfo_RLimit_Type, string>>> = {
  [RLimitInfo_RLimit_Type.RLMT_AS]: 'as',
  [RLimitInfo_RLimit_Type.RLMT_CORE]: 'core',
  [RLimitInfo_RLimit_Type.RLMT_CPU]: 'cpu',
  [RLimitInfo_RLimit_Type.RLMT_DATA]: 'data',
  [RLimitInfo_RLimit_Type.RLMT_FSIZE]: 'fsize',
  [RLimitInfo_RLimit_Type.RLMT_LOCKS]: 'locks',
  [RLimitInfo_RLimit_Type.RLMT_MEMLOCK]: 'memlock',
  [RLimitInfo_RLimit_Type.RLMT_MSGQUEUE]: 'msgqueue',
  [RLimitInfo_RLimit_Type.RLMT_NICE]: 'nice',
  [RLimitInfo_RLimit_Type.RLMT_NOFILE]: 'nofile',
  [RLimitInfo_RLimit_Type.RLMT_NPROC]: 'nproc',
  [RLimitInfo_RLimit_Type.RLMT_RSS]: 'rss',
  [RLimitInfo_RLimit_Type.RLMT_RTPRIO]: 'rtprio',
  [RLimitInfo_RLimit_Type.RLMT_RTTIME]: 'rttime',
  [RLimitInfo_RLimit_Type.RLMT_SIGPENDING]: 'sigpending',
  [RLimitInfo_RLimit_Type.RLMT_STACK]: 'stack',
};

/**
 * The words before a task's shell that take away what it is not to have: limits, powers, the user, the way to get any of it back.
 *
 * @param allowed the capabilities that a task may have at most, in lower case
 * @param image the root of the task's image, if it has one: there the user is changed on the other side
 * @param isFiltered whether a filter of system calls is to be put on, which is found in the file of its number
 */
export function privilegeWords(
  { programs }: Isolation,
  container: ContainerInfo | undefined,
  user: User | undefined,
  allowed: readonly string[],
  image: string | undefined,
  isFiltered: boolean,
): readonly string[] | Failure {
  const rlimits = rlimitWords(container);
  if ('failure' in rlimits) return rlimits;
  const capabilities = capabilitiesOf(container, allowed);
  if ('failure' in capabilities) return capabilities;
  const { bounding, effective } = capabilities;
  // Root has whatever its bounds are, unless it is no more than others.
  const isBounded = effective?.length !== bounding.length;
  const asked =
    effective !== undefined && (user !== undefined || isBounded) ? `,${effective.map(plus).join(',')}` : '';
  const caps = [
    ...(effective !== undefined && user === undefined && isBounded ? ['--securebits=+noroot'] : []),
    `--bounding-set=-all${bounding.map((name) => `,${plus(name)}`).join('')}`,
    `--inh-caps=-all${asked === ',' ? '' : asked}`,
    ...(asked === '' || asked === ',' ? [] : [`--ambient-caps=-all${asked}`]),
  ];
  const change =
    user === undefined || image !== undefined
      ? []
      : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups'];
  const within = isFiltered ? filterWords(programs, user, image) : rootWords(programs, user, image);
  if ('failure' in within) return within;
  return [
    ...(rlimits.words.length > 0 ? [programs.prlimit, ...rlimits.words] : []),
    programs.setpriv,
    ...change,
    '--no-new-privs',
    ...caps,
    '--',
    ...within,
  ];
}

/** Changes to the root of an image. */
function rootWords(
  { chroot }: IsolationPrograms,
  user: User | undefined,
  image: string | undefined,
): readonly string[] {
  if (image === undefined) return [];
  const who = user === undefined ? [] : [`--userspec=+${user.uid}:+${user.gid}`, '--groups='];
  return [chroot, ...who, image];
}

/** Puts a filter on, and changes to the root of an image before. */
function filterWords(
  { perl }: IsolationPrograms,
  user: User | undefined,
  image: string | undefined,
): readonly string[] | Failure {
  const processor = processors[process.arch];
  if (perl === undefined || processor === undefined)
    return failure('denied', 'this machine has no perl, which installs filters of system calls', {
      field: 'linux_info.seccomp',
    });
  return installWords(perl, processor, { root: image, user: image === undefined ? undefined : user });
}

function plus(name: string): string {
  return `+${name}`;
}

/**
 * What a task may have of root's powers, in lower case: all in all, and from the start as another user. The ones that it is to have from the start lie within
 * those that it may have (G42).
 */
export function capabilitiesOf(
  container: ContainerInfo | undefined,
  allowed: readonly string[],
): { readonly bounding: readonly string[]; readonly effective: readonly string[] | undefined } | Failure {
  const { boundingCapabilities, effectiveCapabilities, capabilityInfo } = container?.linuxInfo ?? {};
  const effective = namesOf(effectiveCapabilities ?? capabilityInfo);
  const bounding = namesOf(boundingCapabilities);
  const effectiveField = effectiveCapabilities === undefined ? 'capability_info' : 'effective_capabilities';
  for (const [names, field] of [
    [bounding, 'bounding_capabilities'],
    [effective, effectiveField],
  ] as const) {
    const wrong = names?.find((name) => !allowed.includes(name));
    if (wrong !== undefined)
      return failure(
        'denied',
        `capability ${wrong.toUpperCase()} is not allowed on this agent (--capabilities)`,
        { field: `linux_info.${field}` },
      );
  }
  const beyond = bounding === undefined ? undefined : effective?.find((name) => !bounding.includes(name));
  if (beyond !== undefined) {
    const field = `linux_info.${effectiveField}`;
    const message = `${field}: capability ${beyond.toUpperCase()} must be one of bounding_capabilities`;
    return failure('invalid', message, { field });
  }
  return { bounding: bounding ?? effective ?? allowed, effective };
}

function namesOf(info: CapabilityInfo | undefined): readonly string[] | undefined {
  return info?.capabilities.map((name) => String(name).toLowerCase());
}

function rlimitWords(container: ContainerInfo | undefined): { readonly words: readonly string[] } | Failure {
  const words: string[] = [];
  for (const limit of container?.rlimitInfo?.rlimits ?? []) {
    const name = limit.type === undefined ? undefined : rlimitNames[limit.type];
    if (name === undefined || (limit.soft === undefined) !== (limit.hard === undefined))
      return failure('invalid', 'an rlimit must have a type that is known, and both limits or none', {
        field: 'rlimit_info',
      });
    words.push(`--${name}=${rangeOf(limit)}`);
  }
  return { words };
}

function rangeOf({ soft, hard }: RLimitInfo_RLimit): string {
  return soft === undefined || hard === undefined ? 'unlimited' : `${soft}:${hard}`;
}
