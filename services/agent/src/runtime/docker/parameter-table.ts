import type { Draft, ListName, RateName } from './draft';
import {
  bytesOf,
  deviceOf,
  flagOf,
  isWrong,
  nanosecondsOf,
  pairOf,
  ulimitOf,
  wholeOf,
  type Wrong,
} from './parameter-values';

/** An option of `docker run`: what it changes, or why it is refused whatever its value. */
export type ParameterOption =
  | {
      readonly apply: (draft: Draft, value: string) => Wrong | undefined;
      /** Gives powers over the machine, always or with some values. */
      readonly power?: true | ((value: string) => boolean);
    }
  | { readonly refused: string };

type Host = Draft['HostConfig'];

/** Sets something that has been read from the text. */
function read<T>(parse: (value: string) => T | Wrong, set: (draft: Draft, value: T) => Wrong | void) {
  return {
    apply: (draft: Draft, value: string): Wrong | undefined => {
      const parsed = parse(value);
      return isWrong(parsed) ? parsed : (set(draft, parsed) ?? undefined);
    },
  };
}

const asIs = (value: string): string | Wrong => (value === '' ? { rule: 'not be empty' } : value);
const text = (set: (draft: Draft, value: string) => Wrong | void) => read(asIs, set);
const flag = (set: (host: Host, value: boolean) => void) =>
  read(flagOf, ({ HostConfig }, value) => set(HostConfig, value));
const whole = (min: number, max: number, set: (host: Host, value: number) => void) =>
  read(
    (value) => wholeOf(value, min, max),
    ({ HostConfig }, value) => set(HostConfig, value),
  );
const pair = (separator: string, set: (draft: Draft, name: string, value: string) => Wrong | void) =>
  read(
    (value) => pairOf(value, separator),
    (draft, [name, value]) => set(draft, name, value),
  );
const list = (name: ListName) => text(({ HostConfig }, value) => void (HostConfig[name] ??= []).push(value));
const rate = (name: RateName, parse: (value: string) => number | Wrong) =>
  pair(':', ({ HostConfig }, path, value) => {
    const parsed = parse(value);
    if (isWrong(parsed)) return parsed;
    (HostConfig[name] ??= []).push({ Path: path, Rate: parsed });
  });
const operations = (value: string): number | Wrong => wholeOf(value, 1, 1e9);

/** Sets what the task's own description may say too: saying it twice would leave one of both out. */
const once = (field: string, name: 'User' | 'Hostname') =>
  text((draft, value) => {
    if (draft[name] !== undefined) return { rule: `not be given besides ${field}` };
    draft[name] = value;
  });

/** The settings of the one network that a container is in. */
function endpoint(change: (settings: NonNullable<EndpointOf>, value: string) => void) {
  return text((draft, value) => {
    const network = draft.HostConfig.NetworkMode ?? '';
    if (['', 'host', 'none', 'bridge'].includes(network))
      return { rule: 'be given in a network of type USER only' };
    const networking = (draft.NetworkingConfig ??= {});
    const endpoints = (networking.EndpointsConfig ??= {});
    change((endpoints[network] ??= {}), value);
  });
}
type EndpointOf = NonNullable<NonNullable<Draft['NetworkingConfig']>['EndpointsConfig']>[string];

const address = endpoint((settings, value) => {
  settings.IPAMConfig = { ...settings.IPAMConfig, IPv4Address: value };
});
const alias = endpoint((settings, value) => void (settings.Aliases ??= []).push(value));

function health<T>(parse: (value: string) => T | Wrong, name: string) {
  return read(parse, (draft, value) => {
    draft.Healthcheck = { ...draft.Healthcheck, [name]: value };
  });
}

const isHost = (value: string): boolean => value === 'host' || value.startsWith('container:');
const refused = (why: string) => ({ refused: why });
const byResources = refused('the resources and limits of the task say it');
const byAgent = refused('the agent sees to it');
const byNetwork = refused('docker.network and network_infos say it');
const byPorts = refused('docker.port_mappings says it, and a task has the ports that it asked for');

/**
 * Every option of `docker run` that is known, by its long name. docs/frameworks/docker.md lists them for people.
 *
 * What a container gets of the machine beyond its own is a power; what would take it out of the agent's hands is refused.
 */
export const parameterTable: Readonly<Record<string, ParameterOption>> = {
  // The process.
  entrypoint: text((draft, value) => {
    if (draft.Entrypoint !== undefined)
      return { rule: 'be given with command.shell = false only, as a shell is the entry point else' };
    draft.Entrypoint = [value];
  }),
  env: text((draft, value) => {
    if (value.indexOf('=') < 1) return { rule: 'have the form name=value' };
    (draft.Env ??= []).push(value);
  }),
  'group-add': list('GroupAdd'),
  init: flag((host, value) => void (host.Init = value)),
  'oom-score-adj': {
    ...whole(-1000, 1000, (host, value) => void (host.OomScoreAdj = value)),
    power: (value) => value.startsWith('-'),
  },
  'stop-signal': text((draft, value) => void (draft.StopSignal = value)),
  ulimit: read(ulimitOf, ({ HostConfig }, value) => void (HostConfig.Ulimits ??= []).push(value)),
  user: once('command.user', 'User'),
  workdir: text((draft, value) => void (draft.WorkingDir = value)),

  // For people and tools.
  label: read(asIs, (draft, value) => {
    const [name = '', ...rest] = value.split('=');
    if (name === '' || name.startsWith('meseta.')) return { rule: "not begin with '=' or 'meseta.'" };
    draft.Labels = { ...draft.Labels, [name]: rest.join('=') };
  }),
  'health-cmd': health((value) => (value === '' ? { rule: 'not be empty' } : ['CMD-SHELL', value]), 'Test'),
  'health-interval': health(nanosecondsOf, 'Interval'),
  'health-retries': health((value) => wholeOf(value, 1, 1000), 'Retries'),
  'health-start-period': health(nanosecondsOf, 'StartPeriod'),
  'health-timeout': health(nanosecondsOf, 'Timeout'),
  'no-healthcheck': read(flagOf, (draft, value) => {
    if (value) draft.Healthcheck = { Test: ['NONE'] };
  }),

  // Files.
  'read-only': flag((host, value) => void (host.ReadonlyRootfs = value)),
  'shm-size': read(bytesOf, ({ HostConfig }, value) => void (HostConfig.ShmSize = value)),
  'storage-opt': pair('=', ({ HostConfig }, name, value) => {
    HostConfig.StorageOpt = { ...HostConfig.StorageOpt, [name]: value };
  }),
  tmpfs: read(asIs, ({ HostConfig }, value) => {
    const [path = '', ...options] = value.split(':');
    if (!path.startsWith('/')) return { rule: 'begin with an absolute path' };
    HostConfig.Tmpfs = { ...HostConfig.Tmpfs, [path]: options.join(':') };
  }),
  volume: {
    ...text((draft, value) => {
      if (value.includes(':')) (draft.HostConfig.Binds ??= []).push(value);
      else draft.Volumes = { ...draft.Volumes, [value]: {} };
    }),
    // A path of the machine, and not the name of a volume nor a new one.
    power: (value) => /^[./~].*:/.test(value),
  },
  'volume-driver': text(({ HostConfig }, value) => void (HostConfig.VolumeDriver = value)),
  'volumes-from': { ...list('VolumesFrom'), power: true },

  // The network.
  'add-host': read(
    (value) => pairOf(value, ':'),
    ({ HostConfig }, [name, ip]) => void (HostConfig.ExtraHosts ??= []).push(`${name}:${ip}`),
  ),
  dns: list('Dns'),
  'dns-opt': list('DnsOptions'),
  'dns-option': list('DnsOptions'),
  'dns-search': list('DnsSearch'),
  domainname: text((draft, value) => void (draft.Domainname = value)),
  expose: read(asIs, (draft, value) => {
    if (!/^\d+(\/(tcp|udp|sctp))?$/.test(value)) return { rule: 'be a port, as 80 or 53/udp' };
    draft.ExposedPorts = { ...draft.ExposedPorts, [value.includes('/') ? value : `${value}/tcp`]: {} };
  }),
  hostname: once('container.hostname', 'Hostname'),
  ip: address,
  link: list('Links'),
  'mac-address': text((draft, value) => void (draft.MacAddress = value)),
  'net-alias': alias,
  'network-alias': alias,
  sysctl: pair('=', ({ HostConfig }, name, value) => {
    HostConfig.Sysctls = { ...HostConfig.Sysctls, [name]: value };
  }),

  // How much it may use, beyond what resources say.
  'blkio-weight': whole(10, 1000, (host, value) => void (host.BlkioWeight = value)),
  'blkio-weight-device': pair(':', ({ HostConfig }, path, value) => {
    const weight = wholeOf(value, 10, 1000);
    if (isWrong(weight)) return weight;
    (HostConfig.BlkioWeightDevice ??= []).push({ Path: path, Weight: weight });
  }),
  'cpuset-cpus': text(({ HostConfig }, value) => void (HostConfig.CpusetCpus = value)),
  'cpuset-mems': text(({ HostConfig }, value) => void (HostConfig.CpusetMems = value)),
  'device-read-bps': rate('BlkioDeviceReadBps', bytesOf),
  'device-read-iops': rate('BlkioDeviceReadIOps', operations),
  'device-write-bps': rate('BlkioDeviceWriteBps', bytesOf),
  'device-write-iops': rate('BlkioDeviceWriteIOps', operations),
  'memory-swap': read(
    (value) => (value === '-1' ? -1 : bytesOf(value)),
    ({ HostConfig }, value) => {
      const { Memory = 0 } = HostConfig;
      if (value !== -1 && value < Memory) return { rule: `not be less than the task's memory, ${Memory}` };
      HostConfig.MemorySwap = value;
    },
  ),
  'memory-swappiness': whole(0, 100, (host, value) => void (host.MemorySwappiness = value)),
  'pids-limit': read(
    (value) => wholeOf(value, 1, 2 ** 31),
    ({ HostConfig }, value) => {
      const { PidsLimit = 0 } = HostConfig;
      if (PidsLimit > 0 && value > PidsLimit) return { rule: `not be above --processes-max, ${PidsLimit}` };
      HostConfig.PidsLimit = value;
    },
  ),

  // Powers.
  'cap-add': { ...list('CapAdd'), power: true },
  'cap-drop': list('CapDrop'),
  'cgroup-parent': {
    ...text(({ HostConfig }, value) => void (HostConfig.CgroupParent = value)),
    power: true,
  },
  device: {
    ...read(deviceOf, ({ HostConfig }, value) => void (HostConfig.Devices ??= []).push(value)),
    power: true,
  },
  'device-cgroup-rule': { ...list('DeviceCgroupRules'), power: true },
  ipc: { ...text(({ HostConfig }, value) => void (HostConfig.IpcMode = value)), power: isHost },
  'oom-kill-disable': { ...flag((host, value) => void (host.OomKillDisable = value)), power: true },
  pid: { ...text(({ HostConfig }, value) => void (HostConfig.PidMode = value)), power: isHost },
  privileged: { ...flag((host, value) => void (host.Privileged = value)), power: true },
  runtime: { ...text(({ HostConfig }, value) => void (HostConfig.Runtime = value)), power: true },
  'security-opt': {
    ...text(({ HostConfig }, value) => {
      // Docker's command line reads the file and sends what is in it.
      if (/^seccomp[=:]\s*[/.]/.test(value))
        return { rule: 'not name a file: there is none to read it from' };
      (HostConfig.SecurityOpt ??= []).push(value);
    }),
    power: (value) => !/^no-new-privileges([=:]true)?$/.test(value),
  },
  userns: { ...text(({ HostConfig }, value) => void (HostConfig.UsernsMode = value)), power: isHost },
  uts: { ...text(({ HostConfig }, value) => void (HostConfig.UTSMode = value)), power: isHost },

  // What the agent or another field decides.
  attach: refused('the agent takes the output'),
  cidfile: byAgent,
  'cpu-period': byResources,
  'cpu-quota': byResources,
  'cpu-shares': byResources,
  cpus: byResources,
  detach: byAgent,
  'env-file': refused('command.environment says it'),
  gpus: refused('the resource gpus says it'),
  interactive: refused('nobody is at its input'),
  'kernel-memory': byResources,
  'label-file': refused('the parameter label says it'),
  'log-driver': refused('the agent reads the output through the driver json-file'),
  'log-opt': refused('the agent reads the output through the driver json-file'),
  memory: byResources,
  'memory-reservation': byResources,
  mount: refused('container.volumes says it'),
  name: refused('the agent names its containers'),
  net: byNetwork,
  network: byNetwork,
  publish: byPorts,
  'publish-all': byPorts,
  pull: refused('docker.force_pull_image says it'),
  restart: refused('its framework starts a task again, not the engine'),
  rm: byAgent,
  'stop-timeout': refused('kill_policy says it'),
  tty: refused('container.tty_info says it'),
};
