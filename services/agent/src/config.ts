import { hostname, networkInterfaces } from 'node:os';
import { isFailure, parseAttributes, parseDomain, validateRole } from '@meseta/model';
import { parseDefaultContainer } from './effects/default-container';
import { parseVariables } from './effects/environment-variables';
import { registryHomeRefusal } from './images/registry';
import { parseDefaultDns } from './network/default-dns';
import { givenResources } from './resources/given';
import { reconfigurationPolicies } from './state/reconfiguration';
import { capabilitiesDefault, capabilityNames } from './runtime/process/privileges';
import {
  commonOptions,
  defineOptions,
  socketPathRefusal,
  type ConfigOf,
  type ServiceOptions,
} from '@meseta/kit';

/** Everything that an agent can be told. */
export const agentOptions = defineOptions({
  ...commonOptions,
  port: { ...commonOptions.port, default: 5061 },
  httpPort: { ...commonOptions.httpPort, default: 5051 },
  master: {
    kind: 'addresses',
    required: true,
    help: 'Masters to look for the leader at; any of them will do.',
  },
  registrationBackoffFactor: {
    kind: 'duration',
    default: 50,
    min: 1,
    help: 'The first pause before a master is tried again, at random from half of it on; it doubles with each try. More spreads the agents of a large cluster when its master is new.',
  },
  registrationBackoffMax: {
    kind: 'duration',
    default: 5_000,
    min: 1,
    help: 'The longest such pause.',
  },
  workDir: {
    kind: 'path',
    required: true,
    help: 'Directory of sandboxes and of what must survive a restart of the agent.',
    placeholder: 'path',
  },
  reconfigurationPolicy: {
    kind: 'string',
    default: 'any',
    choices: reconfigurationPolicies,
    help: 'How hostname, domain, attributes and resources may differ when the agent comes back: at will, by having more (additive), or not at all (equal).',
  },
  recover: {
    kind: 'string',
    default: 'reconnect',
    choices: ['reconnect', 'cleanup'],
    help: 'What is done with tasks of an earlier life: go on with them, or end them all, forget who the agent was, and exit.',
  },
  strict: {
    kind: 'boolean',
    default: true,
    help: 'Do not start with a checkpoint of which something cannot be read; otherwise it is left out, and what belongs to it is ended.',
  },
  resources: {
    kind: 'string',
    help: 'What to offer, as cpus:2;mem:1024;ports:[31000-32000], as JSON, or as file:///path of either; what is not named is detected.',
    placeholder: 'resources',
  },
  defaultRole: {
    kind: 'string',
    default: '*',
    help: 'The role that resources are reserved to, given or detected, that name none; * reserves nothing.',
    placeholder: 'role',
  },
  attributes: {
    kind: 'string',
    help: 'Facts that frameworks may choose by, as rack:a;level:10.',
    placeholder: 'attributes',
  },
  domain: {
    kind: 'string',
    help: 'Where this agent is, as region/zone or as JSON; in the region of the masters if not given. Masters need a domain before agents do.',
    placeholder: 'region/zone',
  },
  hostname: {
    kind: 'string',
    help: 'The name that offers carry; this machine’s if not given.',
    placeholder: 'name',
  },
  runtimes: {
    kind: 'list',
    choices: ['process', 'docker', 'fake'],
    help: 'What runs tasks; if not given, process, and docker when its daemon answers. fake runs nothing and is for benchmarks.',
    placeholder: 'name,…',
  },
  fakeRuntimeDelay: { kind: 'duration', default: 0, help: 'How long a task of the runtime fake takes.' },
  dockerSocket: {
    kind: 'string',
    default: '/var/run/docker.sock',
    help: 'Socket of the Docker daemon.',
    placeholder: 'path',
  },
  dockerAllowPrivileged: {
    kind: 'boolean',
    default: false,
    help: 'Let tasks have Docker containers with powers over the machine: privileged ones, devices, capabilities, namespaces of the machine, paths as docker parameters.',
  },
  dockerConfig: {
    kind: 'string',
    secret: true,
    help: 'Credentials for registries of images: the path of a config.json as docker login writes it, or its JSON itself.',
    placeholder: 'path or JSON',
  },
  imageGcHeadroom: {
    kind: 'number',
    min: 0,
    max: 1,
    help: 'The part of the disk of images that is to stay free: those that this agent pulled and no container uses are deleted for it. Not given, none is.',
  },
  imageGcInterval: {
    kind: 'duration',
    default: 3_600_000,
    min: 100,
    help: 'How often that is looked after.',
  },
  imageGcExcluded: {
    kind: 'list',
    default: [],
    help: 'Images that are never deleted, with a tag or for all tags.',
    placeholder: 'image,…',
  },
  nvidiaGpuDevices: {
    kind: 'list',
    help: 'Gpus to offer, by the indices that nvidia-smi tells; all if not given. How many there are is the resource gpus, unless --resources says less.',
    placeholder: 'index,…',
  },
  resourceEstimator: {
    kind: 'string',
    default: 'none',
    help: 'What may be offered on top, to be taken back at any moment: none, fixed:<resources>, or the path of a module.',
    placeholder: 'estimator',
  },
  qosController: {
    kind: 'string',
    default: 'none',
    help: 'What ends tasks on such resources when they are in the way: none, or the path of a module.',
    placeholder: 'controller',
  },
  oversubscribedResourcesInterval: {
    kind: 'duration',
    default: 15_000,
    min: 100,
    help: 'How often both are asked.',
  },
  gcDelay: {
    kind: 'duration',
    default: 7 * 24 * 3_600_000,
    help: 'How long the sandbox of a task that has ended stays; the fuller the disk, the shorter.',
  },
  gcDiskHeadroom: {
    kind: 'number',
    default: 0.1,
    min: 0,
    max: 1,
    help: 'The part of the disk that is to stay free of old sandboxes.',
  },
  gcNonExecutorContainerSandboxes: {
    kind: 'boolean',
    default: false,
    help: 'Delete the sandbox of a task of a pod that has ended by its own age, and not with that of the pod.',
  },
  diskWatchInterval: {
    kind: 'duration',
    default: 15_000,
    min: 100,
    help: 'How often sandboxes are looked after: old ones, too large ones, long outputs.',
  },
  enforceDiskQuota: {
    kind: 'boolean',
    default: false,
    help: 'End a task that writes more than the disk that it asked for, or more to a persistent volume than that is large.',
  },
  reportDiskUsage: {
    kind: 'boolean',
    default: false,
    help: 'Find out what tasks use of disks, and tell it with their statistics, also where nobody is ended for it: all their files are counted each time.',
  },
  logSizeMax: {
    kind: 'integer',
    default: 0,
    min: 0,
    help: 'Megabytes of output after which a task’s stdout or stderr is moved aside, one older piece being kept; 0 is without bound.',
  },
  fetcherCacheSize: {
    kind: 'integer',
    default: 2048,
    min: 0,
    help: 'How many megabytes of fetched files are kept for the next task that wants them.',
  },
  frameworksHome: {
    kind: 'path',
    help: 'Where URIs that are relative paths are found.',
    placeholder: 'path',
  },
  fetcherStallTimeout: {
    kind: 'duration',
    default: 60_000,
    help: 'How long a server may send nothing before a fetch is given up.',
  },
  launchProgressInterval: {
    kind: 'duration',
    default: 5_000,
    help: 'How often a framework is told how far a launch has come that takes long, as a fetch or the pull of an image; 0 is never.',
  },
  executorRegistrationTimeout: {
    kind: 'duration',
    default: 60_000,
    help: 'How long a framework’s own executor may take, from its start, to subscribe.',
  },
  executorReregistrationTimeout: {
    kind: 'duration',
    default: 2_000,
    max: 15_000,
    help: 'How long an executor may take to subscribe again after a restart of the agent.',
  },
  recoveryTimeout: {
    kind: 'duration',
    default: 15 * 60_000,
    help: 'How long executors, and tasks in control groups of this machine, go on without their agent before they end.',
  },
  executorEnvironmentVariables: {
    kind: 'string',
    help: 'Variables for all that runs here, as JSON: {"NAME": "value"}. What a task brings itself comes over them.',
    placeholder: 'json',
  },
  executorDomainSockets: {
    kind: 'boolean',
    default: false,
    help: 'Let executors reach this agent by a unix socket (MESOS_DOMAIN_SOCKET), so that those without the machine’s network do.',
  },
  domainSocketLocation: {
    kind: 'path',
    help: 'Where that socket is, in a folder of its own, which containers see; below /run/meseta, or below the work directory of an agent that is not root, if not given.',
    placeholder: 'path',
  },
  executorShutdownGracePeriod: {
    kind: 'duration',
    default: 5_000,
    help: 'How long an executor may take to end when it is to; its own description may say otherwise.',
  },
  maxCompletedExecutorsPerFramework: {
    kind: 'integer',
    default: 150,
    min: 0,
    help: 'How many executors that have ended are remembered of each framework, those of single commands too.',
  },
  secretDirectory: {
    kind: 'path',
    help: 'Where secrets that tasks refer to are looked up: <name> is a file, or a directory with a file for each key.',
    placeholder: 'path',
  },
  authenticateExecutors: {
    kind: 'boolean',
    default: true,
    help: 'Take calls of executors only with the token that each is started with (MESOS_EXECUTOR_AUTHENTICATION_TOKEN).',
  },
  switchUser: {
    kind: 'boolean',
    default: true,
    help: 'Run a task as the user that its command or framework names; needs root.',
  },
  isolateProcesses: {
    kind: 'boolean',
    default: true,
    help: 'Give each task of the runtime process namespaces, a /tmp and a view of the work directory of its own; needs root.',
  },
  allowSharingAgentNamespaces: {
    kind: 'boolean',
    default: false,
    help: 'Let tasks outside of pods ask for the machine’s namespaces of processes and of memory instead of their own: they see, and as root can end, all that runs here.',
  },
  readOnlyRoot: {
    kind: 'boolean',
    default: false,
    help: 'Let isolated tasks write to their sandbox, their volumes and /tmp only. Off, as a task may count on a file system that its machine shares with others.',
  },
  capabilities: {
    kind: 'list',
    choices: capabilityNames,
    default: [...capabilitiesDefault],
    help: 'What isolated tasks may have of root’s powers at most, as capabilities(7) names them without CAP_, in lower case.',
    placeholder: 'name,…',
  },
  imageProviders: {
    kind: 'list',
    choices: ['docker'],
    default: ['docker'],
    help: 'What images of the runtime process are fetched: those of Docker and OCI, from registries; empty fetches none.',
    placeholder: 'name,…',
  },
  dockerRegistry: {
    kind: 'string',
    default: 'https://registry-1.docker.io',
    help: 'Where images of the runtime process are from whose name says no registry: an URL, or a directory with archives as docker save writes them, each as <name>.tar.',
    placeholder: 'url or path',
  },
  dockerStoreDir: {
    kind: 'path',
    help: 'Where fetched images are kept, for this agent alone; in the work directory if not given.',
    placeholder: 'path',
  },
  imageDirectory: {
    kind: 'path',
    help: 'Where images for the runtime process lie unpacked, each as <name>/rootfs; they go before fetched ones.',
    placeholder: 'path',
  },
  seccompConfigDirectory: {
    kind: 'path',
    help: 'Where profiles of seccomp are that isolated tasks may name, JSON files of Docker’s form.',
    placeholder: 'path',
  },
  seccompProfileName: {
    kind: 'string',
    help: 'The profile of isolated tasks that name none; if not given, the calls of such tasks are not filtered.',
    placeholder: 'name',
  },
  networkConfigDir: {
    kind: 'path',
    help: 'Directory of the networks that tasks of the runtime process may join by name: configurations of CNI, as *.conf, *.conflist and *.json.',
    placeholder: 'path',
  },
  networkPluginDir: {
    kind: 'list',
    default: ['/usr/lib/cni', '/opt/cni/bin'],
    help: 'Where the plugins of CNI are looked for, the first that has one wins.',
    placeholder: 'path,…',
  },
  defaultContainerInfo: {
    kind: 'string',
    help: 'The container of commands and executors of the runtime process that bring none, as {"type":"MESOS","volumes":[{"container_path":"data","host_path":"/srv/data","mode":"RO"}]}.',
    placeholder: 'json',
  },
  defaultContainerDns: {
    kind: 'string',
    help: 'How names are resolved in such networks where no plugin says it, as {"mesos":[{"network_mode":"CNI","network_name":"web","dns":{"nameservers":["192.0.2.53"]}}]}; without a network_name it is for all others.',
    placeholder: 'json',
  },
  enforceContainerPorts: {
    kind: 'boolean',
    default: false,
    help: 'End a task of the runtime process that listens on a port of the machine which is none of its own; needs root.',
  },
  containerPortsWatchInterval: {
    kind: 'duration',
    default: 30_000,
    min: 100,
    help: 'How often that is looked for.',
  },
  checkAgentPortRangeOnly: {
    kind: 'boolean',
    default: false,
    help: 'Look only at ports that the agent offers, so that tasks may listen on any other.',
  },
  processesMax: {
    kind: 'integer',
    default: 4096,
    min: 1,
    help: 'How many processes and threads a task may have at once; needs root.',
  },
  limitCpu: {
    kind: 'boolean',
    default: false,
    help: 'Let no task use more cpu than it asked for, even when nobody else wants it.',
  },
  revocableCpuLowPriority: {
    kind: 'boolean',
    default: true,
    help: 'Let revocable cpus weigh next to nothing against others: a hundredth, so that who runs on them uses what is left.',
  },
});

export type AgentConfig = ConfigOf<typeof agentOptions>;

/** The agent's table of options, and what holds between them. */
export const agentService: ServiceOptions<typeof agentOptions> = {
  name: 'agent',
  summary: 'Offers the resources of one machine and runs tasks on it.',
  options: agentOptions,
  relations: ({
    resources,
    defaultRole,
    attributes,
    domain,
    runtimes,
    nvidiaGpuDevices,
    executorEnvironmentVariables,
    defaultContainerInfo,
    defaultContainerDns,
    enforceContainerPorts,
    checkAgentPortRangeOnly,
    executorDomainSockets,
    domainSocketLocation,
    dockerRegistry,
    registrationBackoffFactor,
    registrationBackoffMax,
  }) => {
    const wrong = nvidiaGpuDevices?.find((index) => !/^\d+$/.test(index));
    if (wrong !== undefined) return `--nvidia-gpu-devices: '${wrong}' must be a whole number`;
    const role = validateRole(defaultRole);
    if (role !== undefined) return `--default-role: ${role.message}`;
    const given = givenResources(resources, defaultRole);
    if (isFailure(given)) return `--resources: ${given.message}`;
    const facts = attributes === undefined ? undefined : parseAttributes(attributes);
    if (isFailure(facts)) return `--attributes: ${facts.message}`;
    const place = domain === undefined ? undefined : parseDomain(domain);
    if (isFailure(place)) return `--domain: ${place.message}`;
    if (runtimes?.includes('fake') === true && runtimes.length > 1)
      return '--runtimes: fake runs every task and goes with no other';
    const variables =
      executorEnvironmentVariables === undefined ? undefined : parseVariables(executorEnvironmentVariables);
    if (isFailure(variables)) return `--executor-environment-variables: ${variables.message}`;
    const container =
      defaultContainerInfo === undefined ? undefined : parseDefaultContainer(defaultContainerInfo);
    if (isFailure(container)) return `--default-container-info: ${container.message}`;
    const dns = defaultContainerDns === undefined ? undefined : parseDefaultDns(defaultContainerDns);
    if (isFailure(dns)) return `--default-container-dns: ${dns.message}`;
    if (checkAgentPortRangeOnly && !enforceContainerPorts)
      return '--check-agent-port-range-only needs --enforce-container-ports';
    const home = registryHomeRefusal(dockerRegistry);
    if (home !== undefined) return `--docker-registry: ${home.message}`;
    if (registrationBackoffFactor > registrationBackoffMax)
      return '--registration-backoff-factor must not be more than --registration-backoff-max';
    if (domainSocketLocation !== undefined && !executorDomainSockets)
      return '--domain-socket-location needs --executor-domain-sockets';
    const path = domainSocketLocation === undefined ? undefined : socketPathRefusal(domainSocketLocation);
    if (path !== undefined) return `--domain-socket-location: ${path.message}`;
    return undefined;
  },
};

/** The name that offers carry. */
export function hostnameOf(config: AgentConfig): string {
  return config.hostname ?? hostname();
}

/** Where tasks on this machine's own network are reached: the address that the agent listens on, or the machine's first one. */
export function agentIpOf(config: AgentConfig): string {
  if (config.host !== '0.0.0.0' && config.host !== '::')
    return config.host === 'localhost' ? '127.0.0.1' : config.host;
  const addresses = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
