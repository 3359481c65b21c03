import { runCli } from './program';
import { terminalInput } from './terminal-input';

/** A reader that leaves early, as `head` does, is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const interrupts = new Set<() => void>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupts.size === 0) process.exit(130);
    for (const fn of interrupts) fn();
  });
}

runCli(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  env: process.env,
  nowMs: Date.now,
  input: terminalInput,
  onInterrupt: (fn) => {
    interrupts.add(fn);
    return () => interrupts.delete(fn);
  },
}).then(
  (exit) => {
    process.exitCode = exit;
  },
  (error: unknown) => {
    process.stderr.write(`meseta: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 70;
  },
);
