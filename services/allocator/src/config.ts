import { Resources, isFailure } from '@meseta/model';
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
      help: 'How often every agent is looked at, as a safety net; changes are acted on at once.',
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
  }),
  relations: (config: { minAllocatable: readonly string[] }): string | undefined => {
    for (const text of config.minAllocatable) {
      const parsed = Resources.parse(text);
      if (isFailure(parsed)) return `--min-allocatable: ${parsed.message}`;
    }
    return undefined;
  },
};

export type AllocatorConfig = ConfigOf<typeof allocatorOptions.options>;
