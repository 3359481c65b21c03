import { Resources, isFailure, validateRole } from '@meseta/model';
import { commonOptions, defineOptions, type ConfigOf } from '@meseta/kit';

/** The options of the allocator, and all that is derived from them: flags, variables, help, documentation. */
export const allocatorOptions = {
  name: 'allocator',
  summary: 'Decides who is offered what.',
  options: defineOptions({
    ...commonOptions,
    port: { ...commonOptions.port, default: 5062 },
    httpPort: { ...commonOptions.httpPort, default: 5052 },
    allocationInterval: {
      kind: 'duration',
      default: '1s',
      min: 10,
      help: 'How often every agent is looked at, as a safety net; changes are acted on at once. What is declined is not offered to the same framework again before that.',
    },
    turnGap: {
      kind: 'duration',
      default: '2ms',
      min: 0,
      max: 1000,
      help: 'How long changes are gathered before they are acted on.',
    },
    minAllocatable: {
      kind: 'list',
      default: ['cpus:0.01', 'mem:32'],
      help: 'An offer holds at least one of these; separate them with commas.',
      placeholder: 'resources',
    },
    roleSorter: {
      kind: 'string',
      default: 'drf',
      help: 'Which role comes first: the sorter of a policy, `drf`, `random`, or the path of a module.',
      placeholder: 'policy',
    },
    frameworkSorter: {
      kind: 'string',
      default: 'drf',
      help: 'Which framework of a role comes first; as for roles.',
      placeholder: 'policy',
    },
    agentOrder: {
      kind: 'string',
      default: 'random',
      help: 'Which agents are given out first: the order of a policy, `random`, `binpack` (the fullest), `spread` (the emptiest), or the path of a module.',
      placeholder: 'policy',
    },
    rolePlacement: {
      kind: 'list',
      default: [],
      help: 'Roles that are given the fullest agents first, or the emptiest, whatever the order of agents is: `batch=pack,web=spread`.',
      placeholder: 'role=placement',
    },
    fairSharingExcludedResourceNames: {
      kind: 'list',
      default: [],
      help: 'Resources that do not count for fairness, for instance `gpus`.',
      placeholder: 'names',
    },
    outstandingOffersMax: {
      kind: 'integer',
      default: 0,
      min: 0,
      help: 'How many offers a framework may leave unanswered before it is offered nothing more; 0 means any number.',
    },
    filterGpuResources: {
      kind: 'boolean',
      default: true,
      help: 'Whether agents with gpus are offered to frameworks with the capability GPU_RESOURCES only.',
    },
    agentRecoveryFactor: {
      kind: 'number',
      default: 0.8,
      min: 0,
      max: 1,
      help: 'With quotas, nothing is offered after an election until this part of the agents is back.',
    },
    recoveryTimeout: {
      kind: 'duration',
      default: '10m',
      min: 0,
      help: 'How long it is waited for them at most.',
    },
    whitelist: {
      kind: 'path',
      help: 'A file of host names, one a line, read every 5 s: agents on other hosts are not offered.',
    },
  }),
  relations: (config: {
    minAllocatable: readonly string[];
    rolePlacement: readonly string[];
  }): string | undefined => {
    for (const text of config.minAllocatable) {
      const parsed = Resources.parse(text);
      if (isFailure(parsed)) return `--min-allocatable: ${parsed.message}`;
    }
    for (const text of config.rolePlacement) {
      const [role = '', placement = ''] = text.split('=');
      const refused = validateRole(role);
      if (refused !== undefined) return `--role-placement: ${refused.message}`;
      if (placement !== 'pack' && placement !== 'spread')
        return `--role-placement: '${text}' must be role=pack or role=spread`;
    }
    return undefined;
  },
};

export type AllocatorConfig = ConfigOf<typeof allocatorOptions.options>;
