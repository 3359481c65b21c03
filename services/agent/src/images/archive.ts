import { execFile } from 'node:child_process';
import { access, mkdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { failure, isFailure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { findProgram } from '../runtime/process/programs';
import { parseDescription, type ImageDescription } from './manifest';

/** An image of an archive, taken apart. */
export interface ImageArchive {
  readonly description: ImageDescription;
  /** The archives of its layers, the lowest first: files that are the caller's. */
  readonly layers: readonly string[];
}

/**
 * Takes an image out of an archive as `docker save` writes it, for machines that reach no registry.
 *
 * @param folder where archives are, each as `<name>.tar` with the name that tasks give
 * @param place an empty folder to take it apart in
 * @throws FailureError where there is none, or nothing that can be read
 */
export async function openArchive(
  folder: string,
  name: string,
  place: string,
  signal: AbortSignal,
): Promise<ImageArchive> {
  const path = join(folder, `${name}.tar`);
  if (relative(folder, path).startsWith('..')) throw refuse('its name leads elsewhere');
  await access(path).catch(() => {
    throw refuse(`there is no ${path}`);
  });
  const tar = await findProgram('tar');
  if (tar === undefined) throw refuse('this agent has no tar');
  const parts = join(place, 'archive');
  await mkdir(parts);
  await promisify(execFile)(tar, ['-xf', path, '-C', parts, '--no-same-owner'], { signal }).catch(
    (error: Error & { stderr?: string }) => {
      throw refuse(`${path} cannot be unpacked: ${(error.stderr ?? '').split('\n')[0] ?? ''}`);
    },
  );
  const part = (name: string): string => {
    const file = join(parts, name);
    if (relative(parts, file).startsWith('..')) throw refuse(`${path} names a file that is not in it`);
    return file;
  };
  const [image] = await listOf(part('manifest.json'));
  if (typeof image?.Config !== 'string' || !Array.isArray(image.Layers))
    throw refuse(`${path} is not an archive of docker save`);
  const description = parseDescription(await readFile(part(image.Config), 'utf8').catch(() => ''));
  if (isFailure(description)) throw refuse(description.message);
  const layers = image.Layers.map((layer) => part(String(layer)));
  if (layers.length !== description.diffIds.length)
    throw refuse(`${path} does not have the layers of its configuration`);
  return { description, layers };
}

/** What `manifest.json` says; nothing where it cannot be read. */
async function listOf(path: string): Promise<{ Config?: unknown; Layers?: unknown[] }[]> {
  try {
    const list: unknown = JSON.parse(await readFile(path, 'utf8'));
    return Array.isArray(list) ? (list as { Config?: unknown; Layers?: unknown[] }[]) : [];
  } catch {
    return [];
  }
}

function refuse(why: string): FailureError {
  return new FailureError(failure('conflict', why));
}
