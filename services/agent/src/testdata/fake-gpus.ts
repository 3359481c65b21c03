import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { GpuPaths } from '../gpu/gpu';

/** Harmless devices of the kernel that stand for gpus: /dev/zero, /dev/full and /dev/urandom, all of major number 1. */
const minors = [5, 7, 9];
/** For nvidiactl: /dev/random. */
const controlMinor = 8;

export const fakeUuid = (index: number): string => `GPU-0000000${index}-aaaa-bbbb-cccc-0123456789ab`;

/** A machine with gpus, as the driver shows it: files, device files (which only root can make), and nvidia-smi. */
export class FakeGpus {
  private constructor(
    private readonly root: string,
    readonly paths: GpuPaths,
  ) {}

  /** @param count how many gpus; at most 3 */
  static async make(count: number, options: { files?: boolean; smi?: boolean } = {}): Promise<FakeGpus> {
    const root = await mkdtemp(join(tmpdir(), 'meseta-gpus-'));
    const paths = { driver: join(root, 'driver'), devices: join(root, 'dev'), smi: join(root, 'nvidia-smi') };
    await mkdir(paths.devices);
    const mknod = (name: string, minor: number) =>
      promisify(execFile)('mknod', [join(paths.devices, name), 'c', '1', String(minor)]);
    await mknod('nvidiactl', controlMinor);
    const described: string[] = [];
    for (let index = 0; index < count; index++) {
      await mknod(`nvidia${index}`, minors[index] ?? 0);
      // Places on the bus sort like numbers of one width.
      const place = `0000:${(index + 1) * 11}:00.0`;
      described.push(
        `<gpu id="${place}"><uuid>${fakeUuid(index)}</uuid><minor_number>${index}</minor_number></gpu>`,
      );
      if (options.files === false) continue;
      await mkdir(join(paths.driver, 'gpus', place), { recursive: true });
      const lines = ['Model: \t\t Fake', `GPU UUID: \t ${fakeUuid(index)}`, `Device Minor: \t ${index}`];
      await writeFile(join(paths.driver, 'gpus', place, 'information'), `${lines.join('\n')}\n`);
    }
    if (options.smi === true) {
      const xml = `<?xml version="1.0" ?>\n<nvidia_smi_log>${described.join('\n')}</nvidia_smi_log>`;
      await writeFile(paths.smi, `#!/bin/sh\n[ "$1 $2" = "-q -x" ] || exit 2\ncat <<'EOF'\n${xml}\nEOF\n`);
      await chmod(paths.smi, 0o755);
    }
    return new FakeGpus(root, paths);
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true, force: true });
  }
}
