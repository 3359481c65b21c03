import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { failure, type Failure } from '@meseta/model';
import type { Gpu, GpuPaths } from './gpu';
import { majorOf, minorOf } from './device-numbers';

/** How long nvidia-smi may take: the first call after a start of the machine loads the driver. Milliseconds. */
const smiMaxMs = 30_000;

/** What the driver says of a gpu. */
interface Told {
  readonly uuid: string | undefined;
  readonly minor: number;
}

/**
 * The nvidia gpus of this machine: what the driver shows in its files, or where it shows none what nvidia-smi tells. One whose device file is missing is none.
 *
 * @see https://download.nvidia.com/XFree86/Linux-x86_64/535.54.03/README/procinterface.html
 */
export async function detectGpus(paths: GpuPaths): Promise<readonly Gpu[]> {
  const told = (await askFiles(paths.driver)) ?? (await askSmi(paths.smi));
  const found: Gpu[] = [];
  for (const [index, { uuid, minor }] of told.entries()) {
    const path = join(paths.devices, `nvidia${minor}`);
    const file = await stat(path).catch(() => undefined);
    if (file?.isCharacterDevice() !== true) continue;
    const { rdev } = file;
    found.push({ id: uuid ?? String(index), index, path, major: majorOf(rdev), minor: minorOf(rdev) });
  }
  return found;
}

/** The gpus that an agent is to offer: all, or those of some indices. */
export function selectGpus(
  found: readonly Gpu[],
  indices: readonly string[] | undefined,
): readonly Gpu[] | Failure {
  if (indices === undefined) return found;
  const chosen: Gpu[] = [];
  for (const text of indices) {
    const gpu = found.find(({ index }) => String(index) === text);
    if (gpu === undefined) {
      const there = found.map(({ index }) => index).join(', ');
      return failure(
        'invalid',
        `--nvidia-gpu-devices: there is no gpu ${text} on this machine${there === '' ? '' : `, but ${there}`}`,
      );
    }
    if (!chosen.includes(gpu)) chosen.push(gpu);
  }
  return chosen;
}

/** The driver's own files, by places on the bus; undefined without a driver. */
async function askFiles(driver: string): Promise<readonly Told[] | undefined> {
  const places = await readdir(join(driver, 'gpus')).catch(() => undefined);
  if (places === undefined || places.length === 0) return undefined;
  const texts = await Promise.all(
    places.sort().map((place) => readFile(join(driver, 'gpus', place, 'information'), 'utf8')),
  );
  return texts.flatMap((text) => {
    const minor = /^Device Minor:\s*(\d+)/m.exec(text)?.[1];
    // A gpu that was never used has no UUID yet, but question marks.
    const uuid = /^GPU UUID:\s*(GPU-[0-9a-f-]+)\s*$/im.exec(text)?.[1];
    return minor === undefined ? [] : [{ uuid, minor: Number(minor) }];
  });
}

/** nvidia-smi, which counts gpus by their places on the bus; nothing where there is no such program. */
async function askSmi(smi: string): Promise<readonly Told[]> {
  let xml: string;
  try {
    ({ stdout: xml } = await promisify(execFile)(smi, ['-q', '-x'], {
      timeout: smiMaxMs,
      maxBuffer: 16 * 1024 * 1024,
    }));
  } catch {
    return [];
  }
  return [...xml.matchAll(/<gpu id=[^]*?<\/gpu>/g)].flatMap(([gpu]) => {
    const minor = /<minor_number>\s*(\d+)\s*</.exec(gpu)?.[1];
    const uuid = /<uuid>\s*(GPU-[0-9a-f-]+)\s*</i.exec(gpu)?.[1];
    return minor === undefined ? [] : [{ uuid, minor: Number(minor) }];
  });
}
