import type { CliInput } from './context';

/** The standard input and the terminal of this process. */
export const terminalInput: CliInput = {
  size: () => {
    const { isTTY, rows, columns } = process.stdout;
    return isTTY ? { rows, columns } : undefined;
  },
  open: ({ raw, onData, onEnd, onResize }) => {
    const { stdin, stdout } = process;
    const resized = (): void => onResize({ rows: stdout.rows, columns: stdout.columns });
    if (raw && stdin.isTTY) stdin.setRawMode(true);
    stdin.on('data', onData);
    stdin.on('end', onEnd);
    stdout.on('resize', resized);
    return () => {
      if (raw && stdin.isTTY) stdin.setRawMode(false);
      stdin.off('data', onData);
      stdin.off('end', onEnd);
      stdout.off('resize', resized);
      stdin.pause();
    };
  },
};
