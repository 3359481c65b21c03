import { isAbsolute, join, relative } from 'node:path';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import type { ContainerMount, ContainerSpec } from '../container-runtime';
import { shmMegabytesDefault } from '../shares';
import { sandboxInContainer } from '../../sandbox/paths';
import type { Isolation } from './isolation';
import { escapeSpace, octal } from './mounts';

/** Where memory is shared by its name, shm_open(3). */
export const machineShm = '/dev/shm';

/** A task's own /tmp: beside its sandbox, so that it is on the same disk and not in the way. */
export function tmpOf(sandbox: string): string {
  return `${sandbox}.tmp`;
}

/** Where what a task writes over its image is. */
export function overOf(sandbox: string): string {
  return `${sandbox}.image`;
}

/** Where what a task writes over an image is that it has as a volume, by its place among those. */
export function overOfVolume(sandbox: string, index: number): string {
  return join(overOf(sandbox), 'volumes', String(index));
}

/** The folders of images, joined by colons, the highest first. */
export interface MountedImages {
  /** What the task runs from; unset for the machine's own files. */
  readonly root: string | undefined;
  /** What it has as volumes, in the order of its mounts. */
  readonly volumes: readonly string[];
}

/**
 * What is mounted for a task, as fstab(5), in the order in which it is: one program mounts it all.
 *
 * The task's view of the work directory is put together elsewhere, with its own sandbox and nothing of others in it, and then put over the
 * work directory. So a sandbox has the same path inside and outside.
 *
 * @param sharedShm the /dev/shm of those with whom it shares memory; unset for one of its own
 */
export function mountTable(
  isolation: Isolation,
  spec: ContainerSpec,
  { root: image, volumes }: MountedImages,
  sharedShm?: string,
): string {
  const { box, workDir } = isolation;
  const mounts = withLayers(spec, volumes);
  // The machine's own is covered with the rest of /dev, unless it is held elsewhere.
  const held = sharedShm === machineShm && image === undefined ? isolation.root : undefined;
  const shm = held ?? sharedShm;
  const within = relative(workDir, spec.sandbox);
  const before = [
    ...(held === undefined ? [] : [line(machineShm, held, 'none', 'bind')]),
    ...mounts.filter(({ target }) => !isAbsolute(target)).map((mount) => inSandbox(spec, mount)),
  ];
  const outside = mounts.filter(({ target }) => isAbsolute(target));
  const machine = [
    ...(isolation.dev === undefined
      ? []
      : [
          line(isolation.dev, '/dev', 'none', 'bind,ro'),
          line('meseta', '/dev/pts', 'devpts', 'newinstance,ptmxmode=0666,mode=0620'),
        ]),
    ...(isolation.dev === undefined && shm === undefined ? [] : [shmLine(spec, machineShm, shm)]),
    // What a task sees of an image has one of its own.
    ...(image === undefined ? [sysLine(spec, '/sys/.', 'ro')] : []),
    line('meseta', '/sys/fs/cgroup', 'tmpfs', 'ro,mode=555,size=4k'),
    ...isolation.protected.map((path) => line(path, path, 'none', 'bind,ro')),
    ...isolation.masked.map((path) => line('/dev/null', path, 'none', 'bind,ro')),
  ];
  if (image !== undefined)
    return table([...before, ...imageLines(isolation, spec, image, outside, shm), ...machine]);
  return table([
    ...before,
    ...outside.map((mount) => mountLine(mount, mount.target)),
    line('meseta', box, 'tmpfs', 'mode=755,size=1m'),
    line(spec.sandbox, join(box, within), 'none', 'rbind,X-mount.mkdir'),
    ...machine,
    // In this order: the work directory may lie in /tmp, and is covered then.
    line(tmpOf(spec.sandbox), '/var/tmp', 'none', 'bind'),
    line(tmpOf(spec.sandbox), '/tmp', 'none', 'bind'),
    line(box, workDir, 'none', 'rbind,X-mount.mkdir'),
  ]);
}

/** The root of a task that runs from an image: the image, over it what the task writes, in it the machine's kernel file systems. */
function imageLines(
  { root, dev }: Isolation,
  spec: ContainerSpec,
  image: string,
  outside: readonly LayeredMount[],
  shm: string | undefined,
): string[] {
  return [
    overlayLine(root, image, overOf(spec.sandbox), 'nodev'),
    line('/proc', join(root, 'proc'), 'none', 'rbind,X-mount.mkdir'),
    sysLine(spec, join(root, 'sys'), 'ro,X-mount.mkdir'),
    line(dev ?? '/dev', join(root, 'dev'), 'none', 'bind,ro,X-mount.mkdir'),
    ...(dev === undefined
      ? []
      : [line('meseta', join(root, 'dev/pts'), 'devpts', 'newinstance,ptmxmode=0666,mode=0620')]),
    ...(dev === undefined && shm === undefined ? [] : [shmLine(spec, join(root, 'dev/shm'), shm)]),
    line(tmpOf(spec.sandbox), join(root, 'tmp'), 'none', 'bind,X-mount.mkdir'),
    line(spec.sandbox, join(root, sandboxInContainer), 'none', 'rbind,X-mount.mkdir'),
    ...outside.map((mount) => mountLine(mount, join(root, mount.target), ',X-mount.mkdir')),
  ];
}

/** /sys tells of the network of whoever mounted it. By its plain name mount(8) takes it for mounted already. */
function sysLine({ network }: ContainerSpec, target: string, options: string): string {
  return network === undefined
    ? line('/sys', target, 'none', `bind,${options}`)
    : line('meseta', target, 'sysfs', `nosuid,nodev,noexec,${options}`);
}

/** A place in the sandbox; one that leads out of it is refused. */
function inSandbox({ sandbox }: ContainerSpec, mount: LayeredMount): string {
  const { target } = mount;
  const path = join(sandbox, target);
  const way = relative(sandbox, path);
  if (way === '' || way === '..' || way.startsWith('../'))
    throw new FailureError(
      failure('denied', `container_path '${target}' must lie in the sandbox`, { field: 'container_path' }),
    );
  return mountLine(mount, path, ',X-mount.mkdir');
}

/** A mount of the task's, of an image with the folders that make it up, and that of what is written over them. */
type LayeredMount = ContainerMount & { readonly layers?: string; readonly over?: string };

function withLayers({ mounts, sandbox }: ContainerSpec, volumes: readonly string[]): readonly LayeredMount[] {
  let next = 0;
  return mounts.map((mount) => {
    if (mount.image === undefined) return mount;
    const index = next++;
    return { ...mount, layers: volumes[index] ?? '', over: overOfVolume(sandbox, index) };
  });
}

function mountLine({ source, readOnly, layers, over }: LayeredMount, target: string, more = ''): string {
  return layers === undefined || over === undefined
    ? line(source, target, 'none', `${bindOf(readOnly)}${more}`)
    : overlayLine(target, layers, over, `${readOnly ? 'ro,' : ''}nodev${more}`);
}

/** The files of an image, and over them what is written. Devices of an image are nobody's. */
function overlayLine(target: string, layers: string, over: string, options: string): string {
  const folders = `lowerdir=${layers},upperdir=${join(over, 'upper')},workdir=${join(over, 'work')}`;
  return line('meseta', target, 'overlay', `${options},${folders}`);
}

function bindOf(readOnly: boolean): string {
  return readOnly ? 'bind,ro' : 'bind';
}

/** @param shared the directory of those with whom it shares memory; unset for memory of its own */
function shmLine({ container }: ContainerSpec, target: string, shared: string | undefined): string {
  if (shared !== undefined) return line(shared, target, 'none', 'bind');
  const size = container?.linuxInfo?.shmSize ?? shmMegabytesDefault;
  return line('meseta', target, 'tmpfs', `mode=1777,nosuid,nodev,size=${size}m`);
}

function line(source: string, target: string, type: string, options: string): string {
  return `${escape(source)} ${escape(target)} ${type} ${options} 0 0`;
}

function table(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

/** White space ends a field, and a number sign may begin a comment. */
function escape(text: string): string {
  return escapeSpace(text).replaceAll('#', octal);
}
