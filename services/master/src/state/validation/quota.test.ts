import type { QuotaConfig } from '@meseta/model';
import { validateQuota } from './quota';

const milli = (amounts: Readonly<Record<string, number>>): ReadonlyMap<string, number> =>
  new Map(Object.entries(amounts).map(([name, units]) => [name, units * 1000]));
const quota = (
  role: string,
  guarantees: Readonly<Record<string, number>>,
  limits: Readonly<Record<string, number>> = {},
): QuotaConfig => ({ role, guarantees: milli(guarantees), limits: milli(limits) });

test.each([
  ['a role without amounts', quota('web', {})],
  ['the default role', quota('*', { cpus: 1 })],
  ['a guarantee without a limit of that name', quota('web', { cpus: 8 }, { mem: 1 })],
  ['a guarantee that is the limit', quota('web', { cpus: 2 }, { cpus: 2 })],
  ['a limit of nothing', quota('web', {}, { cpus: 0 })],
  ['as many of a resource as may be', quota('web', { cpus: 1e12 }, { gpus: 1e12 })],
  ['an exabyte of memory and disk', quota('web', { mem: 1024 ** 4, disk: 1024 ** 4 })],
])('A31: %s is good', (_, config) => {
  expect(validateQuota(config)).toBeUndefined();
});

test.each([
  ['an empty role', quota('', { cpus: 1 }), "role '' must not be empty"],
  ['a role that is no role', quota('-web', {}), "role '-web'"],
  ['a role below another', quota('web/shop', {}), "role 'web/shop' must be at the top of its branch"],
  ['a guarantee beyond the limit', quota('web', { cpus: 3 }, { cpus: 2 }), 'guarantees[cpus] of role web'],
  [
    'more memory than an exabyte',
    quota('web', { mem: 1024 ** 4 + 1 }),
    'guarantees[mem] must not be more than',
  ],
  ['more disk than an exabyte', quota('web', {}, { disk: 1e13 }), 'limits[disk] must not be more than'],
  ['more than a million million of another name', quota('web', { gpus: 1e12 + 1 }), 'guarantees[gpus]'],
  ['a limit of more than that', quota('web', {}, { cpus: 2e12 }), 'limits[cpus] must not be more than'],
])('A31: %s is refused', (_, config, why) => {
  const refused = validateQuota(config);
  expect(refused?.kind).toBe('invalid');
  expect(refused?.message).toContain(why);
});
