import { OperatorClient } from '@meseta/sdk';

/** The world of a command, so that a test can read what it prints and press ctrl-C. */
export interface CliContext {
  readonly out: { write(text: string | Uint8Array): unknown };
  readonly err: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowMs: () => number;
  /** How long a command looks for the leader, in milliseconds; 5 s if unset. */
  readonly leaderTimeoutMs?: number;
  /** What is typed; unset where nobody types. */
  readonly input?: CliInput;
  /** Calls `fn` at every ctrl-C (or SIGTERM) until what it returns is called. */
  readonly onInterrupt: (fn: () => void) => () => void;
}

/** Whoever sits before a command. */
export interface CliInput {
  /** The size of the terminal; undefined if there is none. */
  size(): { readonly rows: number; readonly columns: number } | undefined;
  /** Hands over what is typed, every key by itself if `raw`, until what it returns is called. */
  open(listener: {
    readonly raw: boolean;
    readonly onData: (data: Buffer) => void;
    readonly onEnd: () => void;
    readonly onResize: (size: { readonly rows: number; readonly columns: number }) => void;
  }): () => void;
}

/** How a command prints: for people, or for programs. */
export type OutputFormat = 'text' | 'json';

/** What every command that talks to a cluster can be told. */
export interface ClusterFlags {
  readonly master: string;
  readonly output: OutputFormat;
}

/** Runs an operation with a client that is closed afterwards. */
export async function withOperator<Result>(
  context: CliContext,
  flags: { readonly master: string },
  use: (operator: OperatorClient) => Promise<Result>,
): Promise<Result> {
  const operator = new OperatorClient({ master: flags.master, timeoutMs: context.leaderTimeoutMs });
  try {
    return await use(operator);
  } finally {
    operator.close();
  }
}

/** Prints as text or, with `-o json`, the value with every field. */
export function print(context: CliContext, format: OutputFormat, json: unknown, text: () => string): void {
  context.out.write(format === 'json' ? `${JSON.stringify(json, null, 2)}\n` : text());
}
