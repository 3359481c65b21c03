import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The version of this build, as every service prints it and serves it at `/version`. */
export const version: string = readVersion(join(__dirname, '..', 'package.json'));

function readVersion(path: string): string {
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (
    typeof parsed === 'object' &&
    parsed !== null &&
    'version' in parsed &&
    typeof parsed.version === 'string'
  ) {
    return parsed.version;
  }
  throw new Error(`${path} has no version`);
}
