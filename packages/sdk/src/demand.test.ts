import { demandsOf } from './demand';

test('what is not said has its default: the only role, its place as its name', () => {
  expect(demandsOf([{ resources: 'cpus:1;ports:[1-3]', count: 2 }], ['web'])).toEqual([
    {
      id: 'demand-0',
      role: 'web',
      // Of ports, how many; which ones is the cluster's choice.
      resources: { cpus: { value: 1 }, ports: { value: 3 } },
      count: 2,
      constraints: undefined,
    },
  ]);
});

test('a role must be named where there are several', () => {
  expect(() => demandsOf([{ resources: 'cpus:1', count: 1 }], ['web', 'db'])).toThrow(
    'demands[0].role must be set: the framework has 2 roles',
  );
  expect(() => demandsOf([{ resources: 'cpus:x', count: 1 }], ['web'])).toThrow('must be a number');
});
