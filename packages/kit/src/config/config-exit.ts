/**
 * Thrown by `readConfig` when the process should print a text and end: help and version (code 0), or a flag that
 * cannot be used (code 2, one line). `runService` prints it.
 */
export class ConfigExit extends Error {
  override readonly name = 'ConfigExit';
  readonly code: number;
  readonly text: string;

  constructor(code: number, text: string) {
    super(text);
    this.code = code;
    this.text = text;
  }
}

/** Whether something that was caught is a `ConfigExit`, of whichever copy of the class. */
export function isConfigExit(error: unknown): error is ConfigExit {
  return error instanceof Error && error.name === 'ConfigExit' && 'code' in error && 'text' in error;
}
