import { isAbsolute, join, normalize } from 'node:path';
import { failure, type Failure } from '@meseta/model';
import {
  MountPropagation_Mode,
  Volume_Mode,
  Volume_Source_SandboxPath_Type,
  Volume_Source_Type,
  type Parameter,
  type Volume,
  type Volume_Source_DockerVolume,
  type Volume_Source_HostPath,
  type Volume_Source_SandboxPath,
} from '@meseta/protocol';
import { sandboxInContainer } from '../../sandbox/paths';
import type { Mount } from './draft';

/** What a volume depends on besides its description. */
export interface VolumeContext {
  /** The task's sandbox on the machine. */
  readonly sandbox: string;
  /** `docker.volume_driver`: that of every volume which is named and not a path. */
  readonly driver: string | undefined;
  readonly allowPrivileged: boolean;
}

/** How the daemon is told of a volume: the short way, which makes a path that is not there, or the long one, which refuses it. */
export interface Place {
  readonly bind?: string;
  readonly mount?: Mount;
  /** Its path on the machine, if it lies in the sandbox. */
  readonly inSandbox?: string;
}

/** What a volume is to be and how it is to be reached, the same for each kind of source. */
interface Wanted extends VolumeContext {
  readonly target: string;
  readonly readOnly: boolean;
  readonly refuse: (rule: string) => Failure;
}

/** How one volume of a task is told to the daemon, or what is wrong with it. */
export function placeOf(volume: Volume, context: VolumeContext): Place | Failure {
  const { containerPath, hostPath, source, image } = volume;
  const refuse = (rule: string): Failure =>
    failure('invalid', `volume ${containerPath ?? ''}: ${rule}`, { field: 'container.volumes' });
  if (!containerPath) return refuse('container_path must be set');
  if (image !== undefined) return refuse('an image cannot be the volume of a container of type DOCKER');
  const target = isAbsolute(containerPath) ? containerPath : join(sandboxInContainer, containerPath);
  if (!isAbsolute(containerPath) && !target.startsWith(`${sandboxInContainer}/`))
    return refuse('a relative container_path must lie in the sandbox');
  const wanted = { ...context, target, readOnly: volume.mode === Volume_Mode.RO, refuse };
  if (source === undefined) return placeOfPath(hostPath, wanted);
  if (hostPath) return refuse('host_path and source must not both be set');
  switch (source.type) {
    case Volume_Source_Type.HOST_PATH:
      return placeOfHost(source.hostPath, wanted);
    case Volume_Source_Type.SANDBOX_PATH:
      return placeOfSandbox(source.sandboxPath, wanted);
    case Volume_Source_Type.DOCKER_VOLUME:
      return placeOfDriver(source.dockerVolume, wanted);
    case Volume_Source_Type.SECRET:
      // It was looked up and written for the container already, and is one of its mounts.
      return {};
    default:
      return refuse('only sources of type HOST_PATH, SANDBOX_PATH, DOCKER_VOLUME and SECRET are supported');
  }
}

/** The older form, as in Mesos: a path of the machine, of the sandbox if it is relative, or with a driver the name of a volume. */
function placeOfPath(hostPath: string | undefined, wanted: Wanted): Place | Failure {
  const { sandbox, driver, target, readOnly, refuse } = wanted;
  if (!hostPath) return refuse('host_path must be set');
  if (!isAbsolute(hostPath) && driver) return { mount: ofDriver(hostPath, driver, [], wanted) };
  if (`${target}${hostPath}`.includes(':')) return refuse("paths must not contain ':'");
  const path = isAbsolute(hostPath) ? hostPath : withinOf(sandbox, hostPath);
  if (path === undefined) return refuse('a relative host_path must lie in the sandbox');
  const bind = `${path}:${target}:${readOnly ? 'ro' : 'rw'}`;
  return isAbsolute(hostPath) ? { bind } : { bind, inSandbox: path };
}

function placeOfHost(host: Volume_Source_HostPath | undefined, wanted: Wanted): Place | Failure {
  const { path = '', mountPropagation } = host ?? {};
  if (!isAbsolute(path)) return wanted.refuse('source.host_path.path must be absolute');
  const mount: Mount = { ...targetOf(wanted), Type: 'bind', Source: path };
  switch (mountPropagation?.mode) {
    case MountPropagation_Mode.HOST_TO_CONTAINER:
      return { mount: { ...mount, BindOptions: { Propagation: 'rslave' } } };
    case MountPropagation_Mode.BIDIRECTIONAL:
      return wanted.allowPrivileged
        ? { mount: { ...mount, BindOptions: { Propagation: 'rshared' } } }
        : wanted.refuse('propagation BIDIRECTIONAL needs an agent with --docker-allow-privileged');
    default:
      return { mount };
  }
}

function placeOfSandbox(path: Volume_Source_SandboxPath | undefined, wanted: Wanted): Place | Failure {
  if (path?.type === Volume_Source_SandboxPath_Type.PARENT)
    return wanted.refuse('source.sandbox_path of type PARENT needs a task of a group');
  if (path?.type !== Volume_Source_SandboxPath_Type.SELF)
    return wanted.refuse('source.sandbox_path.type must be set');
  const inSandbox = withinOf(wanted.sandbox, path.path ?? '');
  if (inSandbox === undefined) return wanted.refuse('source.sandbox_path.path must lie in the sandbox');
  return { mount: { ...targetOf(wanted), Type: 'bind', Source: inSandbox }, inSandbox };
}

function placeOfDriver(volume: Volume_Source_DockerVolume | undefined, wanted: Wanted): Place | Failure {
  const { name, driver, driverOptions } = volume ?? {};
  if (!name) return wanted.refuse('source.docker_volume.name must be set');
  // A path would be one of the machine, whatever the driver.
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name))
    return wanted.refuse(
      'source.docker_volume.name must be letters, digits, and _ . - but not in the first place',
    );
  if (wanted.driver && driver && wanted.driver !== driver)
    return wanted.refuse(`source.docker_volume.driver must be ${wanted.driver}, as docker.volume_driver is`);
  return {
    mount: ofDriver(name, driver || wanted.driver || 'local', driverOptions?.parameter ?? [], wanted),
  };
}

/** A volume of a driver, which is asked to make it unless it has it. */
function ofDriver(name: string, driver: string, options: readonly Parameter[], wanted: Wanted): Mount {
  return {
    ...targetOf(wanted),
    Type: 'volume',
    Source: name,
    VolumeOptions: {
      NoCopy: false,
      Labels: {},
      DriverConfig: {
        Name: driver,
        Options: Object.fromEntries(options.map(({ key = '', value = '' }) => [key, value])),
      },
    },
  };
}

function targetOf({ target, readOnly }: Wanted): Pick<Mount, 'Target' | 'ReadOnly'> {
  return { Target: target, ReadOnly: readOnly };
}

function withinOf(sandbox: string, path: string): string | undefined {
  const found = normalize(join(sandbox, path));
  return found.startsWith(`${sandbox}/`) ? found : undefined;
}
