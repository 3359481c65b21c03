import { toServiceError } from '@meseta/kit';
import { failure } from '@meseta/model';
import { master, type OperatorServiceServer } from '@meseta/protocol';
import { stateToProto } from '../wire/state';
import { notLeader, type Leading } from './leading';

/** Watch: the state and then every change, or every change after a resume point. */
export function watchHandler(leading: Leading): OperatorServiceServer['watch'] {
  return (call) => {
    const { term } = leading;
    if (term === undefined) return void call.emit('error', toServiceError(notLeader(leading)));
    let unread = 0;
    let stop: (() => void) | undefined;
    let ended = false;
    const end = (): void => {
      ended = true;
      stop?.();
    };
    call.on('cancelled', end);
    call.on('close', end);
    call.on('error', end);
    call.on('drain', () => (unread = 0));
    const send = (events: readonly master.Event[], resume: string): void => {
      if (!call.write({ events, resume })) unread += events.length;
    };
    const watch = (): void => {
      stop = term.events.watch({
        receive: send,
        get unread() {
          return unread;
        },
        overflow: () =>
          call.emit(
            'error',
            toServiceError(failure('overloaded', 'events are not read fast enough: resume or start again')),
          ),
      });
      if (ended) stop();
    };
    const { after } = call.request;
    void term
      .query((view) => {
        if (after === '') {
          send(
            [
              {
                type: master.Event_Type.SUBSCRIBED,
                subscribed: { getState: stateToProto(view), heartbeatIntervalSeconds: 15 },
              },
            ],
            term.events.resume,
          );
          return watch();
        }
        const missed = term.events.after(after);
        if (missed === undefined) {
          call.emit(
            'error',
            toServiceError(
              failure('conflict', `after ${after} is no longer kept: start without it`, { field: 'after' }),
            ),
          );
          return;
        }
        if (missed.length > 0) send(missed, term.events.resume);
        watch();
      })
      .catch((error: unknown) => call.emit('error', error));
  };
}
