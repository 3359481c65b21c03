import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, type Failure } from '@meseta/model';
import type { Cgroups } from './cgroups';
import { makeGroup, readGroupFile, writeGroupFile } from './files';
import { CgroupsV1, controllersV1 } from './v1';
import { CgroupsV2 } from './v2';

/** Where the kernel's control groups are mounted on every distribution of the last ten years. */
export const cgroupRoot = '/sys/fs/cgroup';

/**
 * Finds control groups that may be written to, and makes the agent's own group in them: `meseta/<agent>`.
 *
 * @param agentName tells the agents of one machine apart
 * @returns a failure that says in one line why tasks run without limits
 */
export async function detectCgroups(agentName: string, root = cgroupRoot): Promise<Cgroups | Failure> {
  const refuse = (why: string): Failure =>
    failure('denied', `tasks run without limits of cpu and memory: ${why}`);
  if (process.getuid?.() !== 0) return refuse('the agent does not run as root');
  try {
    return (
      detectV2(agentName, root) ??
      (await detectV1(agentName, root)) ??
      refuse(`no control groups can be written to under ${root}`)
    );
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function detectV2(agentName: string, root: string): Cgroups | undefined {
  const controllers = readGroupFile(join(root, 'cgroup.controllers'))?.trim().split(' ');
  if (controllers?.includes('cpu') !== true || !controllers.includes('memory')) return undefined;
  const all = join(root, 'meseta');
  const own = join(all, agentName);
  makeGroup(own);
  const enabled = controllers.includes('pids') ? '+cpu +memory +pids' : '+cpu +memory';
  for (const group of [root, all, own]) writeGroupFile(join(group, 'cgroup.subtree_control'), enabled);
  return new CgroupsV2(own, enabled);
}

async function detectV1(agentName: string, root: string): Promise<Cgroups | undefined> {
  const parents: Partial<Record<(typeof controllersV1)[number], string>> = {};
  for (const controller of controllersV1) {
    const hierarchy = join(root, controller);
    if (!(await isWritable(join(hierarchy, 'cgroup.procs')))) continue;
    parents[controller] = join(hierarchy, 'meseta', agentName);
    makeGroup(parents[controller]);
  }
  return parents.cpu === undefined && parents.memory === undefined ? undefined : new CgroupsV1(parents);
}

async function isWritable(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
