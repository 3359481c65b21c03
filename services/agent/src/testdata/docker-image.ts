import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';

/** A shell that needs no library; Debian's package busybox-static. */
const busybox = '/bin/busybox';

/** Whether images can be made and unpacked here: only root keeps the owners of files, and hides those of other layers. */
export const canRunImages = process.getuid?.() === 0 && existsSync(busybox);
const programs = ['sh', 'sleep', 'echo', 'cat', 'env', 'ls', 'true', 'printf', 'id', 'tail', 'head', 'touch'];

/** Makes sure that the daemon has the image that tests run: a shell and little else, made here, so that no registry is asked. */
export async function ensureTestImage(docker: Docker, image: string): Promise<void> {
  if (
    await docker
      .getImage(image)
      .inspect()
      .then(
        () => true,
        () => false,
      )
  )
    return;
  const archive = await testRootfs();
  try {
    const [repo, tag] = image.split(/:(?=[^:/]*$)/);
    const stream = await docker.importImage(archive, { repo, tag: tag ?? 'latest' });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)));
    });
  } finally {
    await rm(dirname(archive), { recursive: true, force: true });
  }
}

/** The files of that image as a tar archive, alone in a folder that whoever asked removes. */
export async function testRootfs(): Promise<string> {
  await access(busybox).catch(() => {
    throw new Error(
      `images of tests are made of ${busybox}, which is missing: install busybox-static, or set MESETA_TEST_IMAGE`,
    );
  });
  const root = await mkdtemp(join(tmpdir(), 'meseta-image-'));
  for (const folder of ['bin', 'tmp', 'etc', 'mnt'])
    await mkdir(join(root, 'rootfs', folder), { recursive: true });
  await copyFile(busybox, join(root, 'rootfs/bin/busybox'));
  for (const program of programs) await symlink('busybox', join(root, 'rootfs/bin', program));
  const archive = join(root, 'rootfs.tar');
  await promisify(execFile)('tar', ['-C', join(root, 'rootfs'), '-cf', archive, '.']);
  return archive;
}
