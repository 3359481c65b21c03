import { FailureError } from '@meseta/kit';
import { failure, isFailure, type Failure } from '@meseta/model';
import type { CallId } from '../state/command';
import type { Framework, Task } from '../state/state';

/** What a call may be answered with besides a failure. */
export type ReplyValue = Task | Framework | undefined;

/** Calls that wait for their reply: a reply is an effect like any other, so nobody reads what is not yet durable. */
export class Replies {
  readonly #waiting = new Map<
    CallId,
    { resolve: (value: ReplyValue) => void; reject: (error: Error) => void }
  >();
  #next = 1;

  /** Hands a call in and waits for its answer. */
  ask(submit: (call: CallId) => boolean): Promise<ReplyValue> {
    return new Promise((resolve, reject) => {
      const call = this.#next++;
      this.#waiting.set(call, { resolve, reject });
      if (submit(call)) return;
      this.#waiting.delete(call);
      reject(new FailureError(failure('overloaded', 'the queue of the master is full')));
    });
  }

  answer(call: CallId, result: Failure | ReplyValue): void {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (isFailure(result)) waiting?.reject(new FailureError(result));
    else waiting?.resolve(result);
  }

  /** Nobody will answer any more: the term is over, and what became of the calls is not known. */
  refuseAll(refused: Failure): void {
    for (const { reject } of this.#waiting.values()) reject(new FailureError(refused));
    this.#waiting.clear();
  }
}
