import type { CliContext } from '../context';

/** A terminal whose words can be read and whose ctrl-C can be pressed. */
export class FakeContext implements CliContext {
  stdout = '';
  stderr = '';
  readonly out = { write: (text: string | Uint8Array) => void (this.stdout += Buffer.from(text).toString()) };
  readonly err = { write: (text: string) => void (this.stderr += text) };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowMs = () => 1_767_225_700_000;
  readonly leaderTimeoutMs?: number;
  readonly #interrupts = new Set<() => void>();

  constructor(env: Readonly<Record<string, string | undefined>> = {}, leaderTimeoutMs?: number) {
    this.env = env;
    this.leaderTimeoutMs = leaderTimeoutMs;
  }

  readonly onInterrupt = (fn: () => void): (() => void) => {
    this.#interrupts.add(fn);
    return () => void this.#interrupts.delete(fn);
  };

  interrupt(): void {
    for (const fn of this.#interrupts) fn();
  }
}
