import { Metadata, status } from '@grpc/grpc-js';
import { failure, failureKinds } from '@meseta/model';
import { FailureError } from '../failure-error';
import { failureOf, toServiceError } from './service-error';

test.each(failureKinds)('%s keeps its kind, message and detail across the wire', (kind) => {
  const sent = failure(kind, 'the sentence', { leader: 'a:1', field: 'role' });
  expect(failureOf(toServiceError(sent))).toEqual(sent);
});

test('a status without our metadata becomes the kind that says what to do next', () => {
  const refused = Object.assign(new Error('14 UNAVAILABLE: no connection'), {
    code: status.UNAVAILABLE,
    details: 'no connection',
    metadata: new Metadata(),
  });
  expect(failureOf(refused)).toEqual(failure('notLeader', 'no connection'));
});

test('a refused connection is said in two words', () => {
  const refused = Object.assign(new Error('unavailable'), {
    code: status.UNAVAILABLE,
    details:
      'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ',
  });
  expect(failureOf(refused).message).toBe('connection refused');
});

test('a call to a service of another kind says so', () => {
  const elsewhere = Object.assign(new Error('unimplemented'), {
    code: status.UNIMPLEMENTED,
    details: 'The server does not implement the method /meseta.v1.OperatorService/GetAgents',
  });
  expect(failureOf(elsewhere)).toMatchObject({
    kind: 'unsupported',
    message: 'the server does not serve meseta.v1.OperatorService: is this the address of another service?',
  });
});

test('any other error is a bug, and a failure is itself', () => {
  expect(failureOf(new Error('boom'))).toEqual(failure('bug', 'boom'));
  expect(failureOf('boom')).toEqual(failure('bug', 'boom'));
  const known = failure('denied', 'no');
  expect(failureOf(new FailureError(known))).toBe(known);
  expect(failureOf(known)).toBe(known);
});
