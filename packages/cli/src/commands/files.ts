import { msOfNanoseconds } from '@meseta/model';
import { print, type CliContext, type ClusterFlags } from '../context';
import { withAgentOfTask } from '../names/agent-of-task';
import { renderTable } from '../output/table';
import { timeWord } from '../output/words';

/** The bits of a mode that say that it is a folder; see inode(7). */
const folderMode = 0o040000;
const typeMask = 0o170000;

/** `meseta files ID [PATH]`: what is in a folder of a task's sandbox. */
export function listFiles(
  context: CliContext,
  given: string,
  path: string,
  flags: ClusterFlags,
): Promise<void> {
  return withAgentOfTask(context, given, flags, async (agent, { frameworkId, taskId }) => {
    const { files } = await agent.files(frameworkId, taskId, path);
    const plain = files.map(({ path: name, size, mode = 0, mtime, uid }) => ({
      path: (mode & typeMask) === folderMode ? `${name ?? ''}/` : (name ?? ''),
      size: Number(size ?? 0n),
      modifiedMs: msOfNanoseconds(mtime?.nanoseconds ?? 0n),
      user: uid ?? '',
    }));
    const rows = plain.map(({ path: name, size, modifiedMs, user }) => [
      name,
      String(size),
      timeWord(modifiedMs),
      user,
    ]);
    print(context, flags.output, plain, () =>
      renderTable(['PATH', 'BYTES', 'MODIFIED', 'USER'], rows, 'the folder is empty'),
    );
  });
}

/** `meseta cat ID PATH`: a file of a task's sandbox, as it is. */
export function printFile(
  context: CliContext,
  given: string,
  path: string,
  flags: { readonly master: string },
): Promise<void> {
  return withAgentOfTask(context, given, flags, async (agent, { frameworkId, taskId }) => {
    for (let offset = 0; ;) {
      const { data } = await agent.readFile(frameworkId, taskId, path, offset);
      if (data.length === 0) return;
      context.out.write(data);
      offset += data.length;
    }
  });
}
