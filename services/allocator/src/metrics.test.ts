import { createAllocatorMetrics, roleLabelsMax, setByRole, setDominantShares } from './metrics';

const rolesWithShares = (count: number) =>
  Array.from({ length: count }, (_, index) => [`team-${index}`, index / 1000] as const);

test('each role has a series, up to the bound', async () => {
  const metrics = createAllocatorMetrics();
  setDominantShares(metrics, rolesWithShares(roleLabelsMax));
  const { values } = await metrics.dominantShare.get();
  expect(values.length).toBe(roleLabelsMax);
  expect(values.map(({ labels }) => labels.role)).not.toContain('other');
});

test('roles beyond the bound share one series, which tells the greatest of their shares', async () => {
  const metrics = createAllocatorMetrics();
  setDominantShares(metrics, rolesWithShares(roleLabelsMax + 100));
  const { values } = await metrics.dominantShare.get();
  expect(values.length).toBe(roleLabelsMax + 1);
  expect(values.find(({ labels }) => labels.role === 'other')?.value).toBe((roleLabelsMax + 99) / 1000);
});

test('a role that is gone has no series any more', async () => {
  const metrics = createAllocatorMetrics();
  setDominantShares(metrics, rolesWithShares(3));
  setDominantShares(metrics, rolesWithShares(1));
  expect((await metrics.dominantShare.get()).values.map(({ labels }) => labels.role)).toEqual(['team-0']);
});

test('a role with none of what is counted has a series of 0, but does not take the place of one that has some', async () => {
  const { filtersByRole } = createAllocatorMetrics();
  const counts = new Map(Array.from({ length: roleLabelsMax }, (_, index) => [`team-${index}`, 0]));
  setByRole(filtersByRole, counts.set('busy', 3));
  const { values } = await filtersByRole.get();
  expect(values.length).toBe(roleLabelsMax + 1);
  expect(values.find(({ labels }) => labels.role === 'busy')?.value).toBe(3);
  expect(values.find(({ labels }) => labels.role === 'team-0')?.value).toBe(0);
});
