import { failure, isFailure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { candidateOf } from '../election/leader-value';
import type { Leader, Store } from '../store/store';
import { checkElection } from './check';
import { failStream } from './fail-stream';
import type { OpenStreams } from './open-streams';

/**
 * Answers Observe. A peer that reads slowly is told the newest state when it reads again, and not what was in between.
 */
export function observeHandler(store: Store, open: OpenStreams): internal.RegistryServiceServer['observe'] {
  return (stream) => {
    const election = checkElection(stream.request.election);
    if (isFailure(election)) {
      failStream(stream, election);
      return;
    }
    let waiting: { readonly leader: Leader | undefined } | undefined;
    let blocked = false;
    const write = (leader: Leader | undefined): void => {
      if (blocked) waiting = { leader };
      else blocked = !stream.write(responseOf(leader));
    };
    stream.on('drain', () => {
      blocked = false;
      const next = waiting;
      waiting = undefined;
      if (next !== undefined) write(next.leader);
    });
    const cancel = store.watchLeader(election, write);
    const close = open.add(() => {
      cancel();
      failStream(stream, failure('notLeader', 'this registry instance is stopping'));
    });
    const leave = (): void => {
      cancel();
      close();
    };
    stream.on('cancelled', leave);
    stream.on('error', leave);
  };
}

function responseOf(leader: Leader | undefined): internal.ObserveResponse {
  if (leader === undefined) return { term: 0n };
  const candidate = candidateOf(leader.value);
  return { term: leader.term, ...(candidate === undefined ? {} : { leader: candidate }) };
}
