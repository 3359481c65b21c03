import { readFile } from 'node:fs/promises';

/** A name for the time since the machine was last started: what ran before cannot run now. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}
