import { failure, isFailure } from '@meseta/model';
import { FailureError, unaryHandler } from '@meseta/kit';
import type { internal } from '@meseta/protocol';
import type { CommitQueue } from '../commit/commit-queue';
import { planCommit } from '../state/plan';
import { checkElection } from './check';
import { storedWrite } from './records';

/** Answers Commit, when everything is durable. */
export function commitHandler(
  queue: CommitQueue,
  observe: (seconds: number, outcome: string) => void,
): internal.RegistryServiceServer['commit'] {
  return unaryHandler(async (request: internal.CommitRequest) => {
    const start = performance.now();
    let outcome = 'bug';
    try {
      const revision = await commit(queue, request);
      outcome = 'committed';
      return { revision };
    } catch (error) {
      if (error instanceof FailureError) outcome = error.failure.kind;
      throw error;
    } finally {
      observe((performance.now() - start) / 1000, outcome);
    }
  });
}

function commit(queue: CommitQueue, request: internal.CommitRequest): Promise<bigint> {
  const election = checkElection(request.election);
  if (isFailure(election)) throw new FailureError(election);
  if (request.term <= 0n) {
    throw new FailureError(failure('invalid', 'term must be greater than 0', { field: 'term' }));
  }
  const writes = planCommit(request.operations);
  if (isFailure(writes)) throw new FailureError(writes);
  return queue.commit({ election, term: request.term }, writes.map(storedWrite));
}
