import type { Instant } from '@meseta/model';

/** Which of a task's two checks: the one whose answer is only told, or the one that is judged. */
export type CheckName = 'check' | 'health';

/** An answer to a check, empty while there is none. */
export type CheckAnswer =
  | { readonly type: 'COMMAND'; readonly exitCode?: number }
  | { readonly type: 'HTTP'; readonly statusCode?: number }
  | { readonly type: 'TCP'; readonly succeeded?: boolean };

/** What became of one question: an answer, or why there is none. */
export type ProbeResult =
  | { readonly kind: 'answered'; readonly answer: CheckAnswer }
  | { readonly kind: 'failed'; readonly message: string };

/** Where a check stands between two questions. */
export interface CheckProgress {
  /** Counts the questions, so that an answer that is late is not taken for another's. */
  attempt: number;
  /** When to ask next; unset while an answer is awaited. */
  askAt: Instant | undefined;
  /** Failures in a row that count. */
  failures: number;
}
