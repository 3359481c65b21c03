import type { CliContext } from '../context';
import { planRun, type RunFlags } from '../run/run-plan';
import { runTasks } from '../run/run-tasks';

/** `meseta run`: N copies of a command or an image, as a framework of their own. Returns the exit status. */
export function run(context: CliContext, words: readonly string[], flags: RunFlags): Promise<number> {
  return runTasks(context, flags.master, planRun(words, flags));
}
