import { readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';

/** What counts as text. */
const textExtensions = new Set([
  '.md',
  '.txt',
  '.ts',
  '.mts',
  '.cts',
  '.js',
  '.mjs',
  '.cjs',
  '.css',
  '.html',
]);

export interface TextFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Every text file below a folder, sorted by path; links are not followed, so that nothing is counted twice. */
export function textFiles(folder: string): readonly TextFile[] {
  const files: TextFile[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !textExtensions.has(extname(entry.name))) continue;
    const path = join(entry.parentPath, entry.name);
    files.push({ path, sizeBytes: statSync(path).size });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Splits files into shards of about the same size: the largest file goes to the smallest shard. */
export function split(files: readonly TextFile[], shards: number): readonly (readonly string[])[] {
  const parts = Array.from({ length: shards }, () => ({ sizeBytes: 0, paths: [] as string[] }));
  for (const file of [...files].sort((a, b) => b.sizeBytes - a.sizeBytes)) {
    const smallest = parts.reduce((least, part) => (part.sizeBytes < least.sizeBytes ? part : least));
    smallest.sizeBytes += file.sizeBytes;
    smallest.paths.push(file.path);
  }
  return parts.map((part) => part.paths);
}
