import { isFailure } from '@meseta/model';
import { quantitiesFromProto, quantitiesToProto } from './quantities';
import { quotaFromProto, quotaToProto } from './quota';

const amounts = (of: Readonly<Record<string, number | undefined>>) =>
  Object.fromEntries(Object.entries(of).map(([name, value]) => [name, value === undefined ? {} : { value }]));

test('R69: amounts of nothing are dropped', () => {
  expect(quantitiesFromProto('x', amounts({ cpus: 0, mem: 0.5, gpus: -0 }))).toEqual(new Map([['mem', 500]]));
  expect(quantitiesToProto(new Map([['mem', 500]]))).toEqual({ mem: { value: 0.5 } });
});

test('R69: a guarantee of nothing is none, and a limit of nothing is one', () => {
  const config = {
    role: 'web',
    guarantees: amounts({ cpus: 0, mem: 64 }),
    limits: amounts({ cpus: 0, mem: 64 }),
  };
  const read = quotaFromProto('q', config);
  expect(read).toEqual({
    role: 'web',
    guarantees: new Map([['mem', 64_000]]),
    limits: new Map([
      ['cpus', 0],
      ['mem', 64_000],
    ]),
  });
  if (!isFailure(read)) expect(quotaToProto(read)).toEqual({ ...config, guarantees: amounts({ mem: 64 }) });
});

test.each([
  ['a negative amount', { cpus: -1 }, 'x[cpus] must not be negative'],
  ['no amount', { cpus: undefined }, 'x[cpus] must have a value'],
  ['an amount that is no number', { cpus: NaN }, 'x[cpus] must be a finite number'],
  ['an amount without an end', { mem: Infinity }, 'x[mem] must be a finite number'],
  ['an empty name', { '': 1 }, 'x[] must be the name of a resource'],
  ['a name with a space', { 'c pus': 1 }, 'must be the name of a resource'],
  ['a name with a colon', { 'cpus:1': 1 }, 'must be the name of a resource'],
  ['a name with a slash', { 'a/b': 1 }, 'must be the name of a resource'],
  ['a name with a control character', { 'a\u0007': 1 }, 'must be the name of a resource'],
])('A31: %s is refused', (_, of, why) => {
  const read = quantitiesFromProto('x', amounts(of));
  expect(isFailure(read) ? read.message : '').toContain(why);
});
