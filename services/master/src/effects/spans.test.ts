import { frameworkId, offerId, taskId, type TaskState } from '@meseta/model';
import { FakeClock, RecordedTracing } from '@meseta/testing';
import type { Framework, Offer, Task } from '../state/state';
import { Spans } from './spans';

const offered = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const offer = {
  id: offerId('O1'),
  frameworkId: frameworkId('F1'),
  role: 'web',
  traceparent: offered,
} as Offer;
const framework = { id: frameworkId('F1') } as Framework;

function spans() {
  const tracing = new RecordedTracing();
  return { tracing, spans: new Spans(tracing, new FakeClock(0)) };
}

function refused(offerIds: string[]) {
  return {
    kind: 'launchRefused',
    framework,
    offerIds: offerIds.map(offerId),
    taskId: taskId('T1'),
    reason: 'REASON_TASK_INVALID',
    message: 'cpus:9 is more than what is left of the offer',
  } as const;
}

test('a launch that is refused is a failed span below its offer', () => {
  const { tracing, spans: told } = spans();
  told.offerSent(offer);
  told.offerDecided(offer, 'accepted');
  told.launchRefused(refused(['gone', 'O1']));
  const [span] = tracing.named('master.launch');
  expect(span).toMatchObject({
    parent: tracing.named('master.offer')[0]?.traceparent,
    attributes: { 'task.id': 'T1', 'framework.id': 'F1' },
    ended: true,
    error: { type: 'REASON_TASK_INVALID', message: 'cpus:9 is more than what is left of the offer' },
  });
});

test('one on offers that nobody remembers begins a trace of its own', () => {
  const { tracing, spans: told } = spans();
  told.launchRefused(refused(['gone']));
  expect(tracing.named('master.launch')).toMatchObject([{ parent: '', ended: true }]);
});

test.each<[TaskState, unknown]>([
  ['TASK_RUNNING', undefined],
  ['TASK_KILLED', undefined],
  ['TASK_FAILED', { type: 'REASON_CONTAINER_LAUNCH_FAILED', message: 'no such user' }],
])('a status %s ends its span with %j', (state, error) => {
  const { tracing, spans: told } = spans();
  const statuses = [
    { state: 'TASK_STARTING' },
    { state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED', message: 'no such user' },
  ];
  told.statusUpdate({ id: taskId('T1'), statuses } as unknown as Task, state, offered);
  expect(tracing.seen).toMatchObject([{ parent: offered, attributes: { state }, ended: true }]);
  expect(tracing.seen[0]?.error).toEqual(error);
});

test('what is open when a term ends, ends with it', () => {
  const { tracing, spans: told } = spans();
  told.offerSent(offer);
  told.endAll();
  expect(tracing.named('master.offer')).toMatchObject([{ ended: true, error: 'the master leads no more' }]);
});
