import type Docker from 'dockerode';
import { type DockerBench, dockerSuite, dockerTestMs, eachTestWithBench } from '../../testdata/docker-place';

dockerSuite('limits, on a real daemon', () => {
  const megabyte = 1024 * 1024;
  let docker: Docker;
  let bench: DockerBench;
  eachTestWithBench((made) => ({ docker, bench } = made));

  test(
    'E21, R64: what a container may use grows, shrinks and is without bound as it is told',
    async () => {
      const limits = { cpuMilli: 500, cpuQuotaMilli: 500, memoryBytes: 64 * megabyte, processes: 50 };
      const id = await bench.bench.start('sleep 60', { limits });
      const bounds = async (more: Partial<typeof limits>): Promise<readonly unknown[]> => {
        await bench.bench.runtime.update(id, { cpuMilli: 500, ...more });
        const { HostConfig } = await docker.getContainer(`meseta-${id}`).inspect();
        const { CpuQuota, Memory, PidsLimit } = HostConfig;
        return [CpuQuota, Memory, PidsLimit];
      };
      expect(await bounds({ ...limits, cpuQuotaMilli: 900, memoryBytes: 128 * megabyte })).toEqual([
        90_000,
        128 * megabyte,
        50,
      ]);
      expect(await bounds({})).toEqual([-1, 2 ** 60, 0]);
      // Also of one whose bounds were lifted already.
      expect(await bounds({})).toEqual([-1, 2 ** 60, 0]);
      await bench.bench.restart();
      await bench.bench.recover(id);
      expect(await bounds(limits)).toEqual([50_000, 64 * megabyte, 50]);
      const { HostConfig } = await docker.getContainer(`meseta-${id}`).inspect();
      // Swap is not to be what memory is not.
      expect(HostConfig.MemorySwap).toBe(64 * megabyte);
    },
    dockerTestMs,
  );
});
