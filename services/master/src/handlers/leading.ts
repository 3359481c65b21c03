import { FailureError } from '@meseta/kit';
import { failure, type Failure } from '@meseta/model';
import type { Term } from '../term';

/** Who leads, as the handlers need it. */
export interface Leading {
  /** The term that this master leads now, if it does. */
  readonly term: Term | undefined;
  /** The gRPC address of the leader, if one is known. */
  readonly leader: string | undefined;
  /** True between an election and the end of the recovery. */
  readonly recovering: boolean;
}

/** The answer of a standby: it names the leader if it knows one. */
export function notLeader({ leader, recovering }: Leading): Failure {
  if (recovering)
    return failure('notLeader', 'this master was just elected and is reading the registry: try again');
  if (leader === undefined) return failure('notLeader', 'no master leads at the moment: try again');
  return failure('notLeader', `this master stands by: the leader is ${leader}`, { leader });
}

/** The term that this master leads; everyone else is told where the leader is. */
export function termOf(leading: Leading): Term {
  if (leading.term === undefined) throw new FailureError(notLeader(leading));
  return leading.term;
}
