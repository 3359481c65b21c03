import { runExecutor } from '@meseta/sdk';

/**
 * Runs many small tasks in one process: each counts to the number in its `data`, one every 10 ms, and tells the sum.
 *
 * An agent starts it, and it ends when its framework shuts it down.
 */
const counting = new Map<string, NodeJS.Timeout>();

await runExecutor({
  launch(task) {
    const until = Number(task.info.data?.toString() ?? '');
    if (!Number.isInteger(until)) throw new Error('the data of a task must be a whole number');
    task.running();
    let sum = 0;
    let next = 1;
    counting.set(
      task.id,
      setInterval(() => {
        if (next <= until) {
          sum += next++;
          return;
        }
        clearInterval(counting.get(task.id));
        counting.delete(task.id);
        task.finished({ message: `the sum is ${sum}`, data: Buffer.from(String(sum)) });
      }, 10),
    );
  },
  kill(task) {
    clearInterval(counting.get(task.id));
    counting.delete(task.id);
    task.killed({ message: 'stopped counting' });
  },
  shutdown() {
    for (const timer of counting.values()) clearInterval(timer);
  },
});
