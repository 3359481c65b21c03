import { commonOptions, defineOptions, type ConfigOf } from '@meseta/kit';

/** The options of the registry, and all that is derived from them: flags, variables, help, documentation. */
export const registryOptions = {
  name: 'registry',
  summary: "Keeps the cluster's durable record and runs its elections.",
  options: defineOptions({
    ...commonOptions,
    port: { ...commonOptions.port, default: 5063 },
    httpPort: { ...commonOptions.httpPort, default: 5053 },
    store: {
      kind: 'string',
      default: 'etcd',
      choices: ['etcd', 'embedded', 'memory'],
      help: 'Where the record is kept; embedded is one directory of this machine, memory forgets it at the end.',
    },
    etcd: {
      kind: 'addresses',
      default: ['127.0.0.1:2379'],
      help: 'Members of etcd; with --store etcd.',
    },
    dataDir: {
      kind: 'path',
      help: 'Directory of the record; with --store embedded.',
    },
    leaseTtl: {
      kind: 'duration',
      default: '2s',
      min: 100,
      max: 60_000,
      help: 'How long a leader that hangs keeps its leadership; etcd takes whole seconds, and 2 at least as it is usually set up.',
    },
  }),
  relations: (config: {
    readonly store: string;
    readonly dataDir: string | undefined;
    readonly leaseTtl: number;
    readonly cluster: string;
  }): string | undefined => {
    if (config.store === 'embedded' && config.dataDir === undefined) {
      return '--data-dir is required with --store embedded';
    }
    if (config.store === 'etcd' && config.leaseTtl % 1000 !== 0) {
      return '--lease-ttl must be whole seconds with --store etcd';
    }
    // It becomes a part of every key.
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(config.cluster)) {
      return '--cluster must be at most 63 letters, digits, ".", "_" and "-", beginning with a letter or digit';
    }
    return undefined;
  },
};

export type RegistryConfig = ConfigOf<typeof registryOptions.options>;
