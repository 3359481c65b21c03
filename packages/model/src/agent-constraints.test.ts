import { constraintsRefuse, type AgentConstraint, type ConstraintPredicate } from './agent-constraints';
import { isFailure } from './failure';
import { parseAttributes } from './attributes';

const agent = (attributes: string) => {
  const parsed = parseAttributes(attributes);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return { hostname: 'h1', attributes: parsed, domain: { region: 'r1', zone: 'z1' } };
};
const meets = (predicate: ConstraintPredicate, attributes: string): boolean =>
  constraintsRefuse([[{ selector: { kind: 'attribute', name: 'rack' }, predicate }]], agent(attributes)) ===
  undefined;
const isA = (text: string): boolean => text === 'a';

// S97: six predicates over a text that fits, another text, a value that is not text, and none.
test.each<[string, ConstraintPredicate, readonly boolean[]]>([
  ['exists', { kind: 'exists' }, [true, true, true, false]],
  ['not exists', { kind: 'notExists' }, [false, false, false, true]],
  ['equals', { kind: 'equals', text: 'a' }, [true, false, true, false]],
  ['not equals', { kind: 'notEquals', text: 'a' }, [false, true, true, true]],
  ['matches', { kind: 'matches', pattern: 'a', test: isA }, [true, false, true, false]],
  ['not matches', { kind: 'notMatches', pattern: 'a', test: isA }, [false, true, true, true]],
])('%s', (_name, predicate, expected) =>
  expect(['rack:a', 'rack:b', 'rack:7', 'level:1'].map((attributes) => meets(predicate, attributes))).toEqual(
    expected,
  ),
);

test('of several attributes of a name the first counts', () => {
  expect(meets({ kind: 'equals', text: 'a' }, 'rack:a;rack:b')).toBe(true);
  expect(meets({ kind: 'equals', text: 'b' }, 'rack:a;rack:b')).toBe(false);
});

test('one group must hold, all of it', () => {
  const on = (kind: 'hostname' | 'region' | 'zone', text: string): AgentConstraint => ({
    selector: { kind },
    predicate: { kind: 'equals', text },
  });
  expect(
    constraintsRefuse([[on('hostname', 'h2')], [on('region', 'r1'), on('zone', 'z1')]], agent('')),
  ).toBeUndefined();
  expect(constraintsRefuse([[on('hostname', 'h2')], [on('region', 'r1'), on('zone', 'z2')]], agent(''))).toBe(
    'zone must be z2',
  );
});
