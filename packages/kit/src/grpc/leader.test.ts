import { failure } from '@meseta/model';
import { FailureError } from '../failure-error';
import { LeaderFinder } from './leader';

const gone = new FailureError(failure('notLeader', 'no connection'));
const led = (leader: string): FailureError =>
  new FailureError(failure('notLeader', 'ask another', { leader }));
const finder = (addresses: readonly string[], random = () => 1): LeaderFinder =>
  new LeaderFinder({ addresses, random });

test('an error that names the leader sends there at once', () => {
  const find = finder(['a:1', 'b:1']);
  expect(find.failed(led('c:1'))).toBe(0);
  expect(find.current()).toBe('c:1');
});

test('without a name the addresses take turns, and the wait doubles with every round', () => {
  const find = finder(['a:1', 'b:1']);
  const seen: [string, number][] = [];
  for (let turn = 0; turn < 5; turn += 1) {
    const at = find.current();
    seen.push([at, find.failed(gone)]);
  }
  expect(seen).toEqual([
    ['a:1', 50],
    ['b:1', 50],
    ['a:1', 100],
    ['b:1', 100],
    ['a:1', 200],
  ]);
});

test('the wait has jitter of a half and a limit', () => {
  const find = finder(['a:1'], () => 0);
  expect(find.failed(gone)).toBe(25);
  for (let turn = 0; turn < 20; turn += 1) find.failed(gone);
  expect(find.failed(gone)).toBe(2500);
});

test('a success makes the next wait short again', () => {
  const find = finder(['a:1']);
  find.failed(gone);
  find.failed(gone);
  find.succeeded();
  expect(find.failed(gone)).toBe(50);
});

test('a named leader that dies is forgotten: the given addresses are asked again', () => {
  const find = finder(['a:1', 'b:1']);
  find.leaderIs('c:1');
  expect(find.failed(gone)).toBe(50);
  expect(find.current()).toBe('a:1');
});

test('two masters that name each other are not followed for ever', () => {
  const find = finder(['a:1', 'b:1']);
  const waits = Array.from({ length: 4 }, () => find.failed(led(find.current() === 'a:1' ? 'b:1' : 'a:1')));
  expect(waits).toEqual([0, 0, 0, 50]);
});
