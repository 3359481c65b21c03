import { distance } from './distance';
import { resolveName } from './resolve';

const things = [
  { id: 'hello-1', name: 'hello' },
  { id: 'hello-12', name: 'other' },
  { id: 'world', name: 'hello' },
];

test.each([
  ['hello-1', 'hello-1'],
  ['hello-12', 'hello-12'],
  ['wor', 'world'],
  ['other', 'hello-12'],
])('%s means %s', (given, id) => {
  expect(resolveName('task', given, things).id).toBe(id);
});

test.each([
  ['hello', 'task "hello" is not unique: hello-1, hello-12'],
  ['wrold', 'unknown task "wrold", did you mean "world"?'],
  ['nothing-like-it', 'unknown task "nothing-like-it"'],
  ['', 'unknown task ""'],
])('"%s" is refused: %s', (given, message) => {
  expect(() => resolveName('task', given, things)).toThrow(message);
});

test.each([
  ['kitten', 'sitting', 3],
  ['', 'abc', 3],
  ['same', 'same', 0],
])('the distance of %s and %s is %d', (a, b, far) => {
  expect(distance(a, b)).toBe(far);
});
