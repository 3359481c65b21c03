import type Docker from 'dockerode';

/** Settings of a container that are lists of text. */
export type ListName =
  | 'Binds'
  | 'CapAdd'
  | 'CapDrop'
  | 'DeviceCgroupRules'
  | 'Dns'
  | 'DnsOptions'
  | 'DnsSearch'
  | 'ExtraHosts'
  | 'GroupAdd'
  | 'Links'
  | 'SecurityOpt'
  | 'VolumesFrom';

/** Settings of a container that bound how fast it reads or writes a device. Bytes, or operations, a second. */
export type RateName =
  'BlkioDeviceReadBps' | 'BlkioDeviceReadIOps' | 'BlkioDeviceWriteBps' | 'BlkioDeviceWriteIOps';

/** Something of the machine, or of a volume driver, that is mounted. */
export type Mount = Docker.MountSettings;

type DraftHost = Omit<
  Docker.HostConfig,
  ListName | RateName | 'BlkioWeightDevice' | 'Devices' | 'Mounts' | 'PortBindings'
> & { [Name in ListName]?: string[] } & { [Name in RateName]?: { Path: string; Rate: number }[] } & {
  BlkioWeightDevice?: { Path: string; Weight: number }[];
  Devices?: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[];
  Mounts?: Mount[];
  PortBindings?: Record<string, { HostPort: string }[]>;
};

/** What the daemon is to be told to make, while it is put together: the body of `POST /containers/create`. */
export interface Draft extends Omit<Docker.ContainerCreateOptions, 'Entrypoint' | 'HostConfig'> {
  Entrypoint?: string[];
  HostConfig: DraftHost;
}
