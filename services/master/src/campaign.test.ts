import { EventEmitter } from 'node:events';
import { createLogger } from '@meseta/kit';
import type { internal } from '@meseta/protocol';
import { FakeClock } from '@meseta/testing';
import { Campaign } from './campaign';
import type { RegistryClient } from './effects/registry-client';

/** A registry's end of a campaign stream, answered by hand. */
class HandStream extends EventEmitter {
  readonly written: internal.CampaignRequest[] = [];
  cancelled = false;

  write(request: internal.CampaignRequest): boolean {
    this.written.push(request);
    return true;
  }

  cancel(): void {
    this.cancelled = true;
  }

  says(event: internal.CampaignResponse['event']): void {
    this.emit('data', { event });
  }
}

function standing() {
  const clock = new FakeClock(0);
  const streams: HandStream[] = [];
  const registry = {
    client: () => ({
      campaign: () => {
        const stream = new HandStream();
        streams.push(stream);
        return stream;
      },
    }),
    failed: () => 20,
    succeeded: () => undefined,
  } as unknown as RegistryClient;
  const heard: string[] = [];
  const candidate = { id: 'c1', grpcAddress: 'a:1', httpAddress: 'a:2', hostname: 'a', version: '1' };
  const campaign = new Campaign(
    { registry, candidate, clock, timers: clock, log: createLogger('test', 'silent') },
    {
      elected: (term) => heard.push(`elected ${term}`),
      lost: (reason) => heard.push(`lost: ${reason}`),
      leaderIs: (leader) => heard.push(`leader ${leader?.grpcAddress ?? 'unknown'}`),
    },
  );
  campaign.start();
  const stream = (): HandStream => streams[streams.length - 1] as HandStream;
  return { campaign, clock, streams, stream, heard };
}

const elected = { $case: 'elected', value: { term: 7n, leaseId: 9n, ttlMs: 2000n } } as const;
const renewed = { $case: 'renewed', value: { ttlMs: 2000n } } as const;

test('it leads from the election until its lease runs out, counted from what was answered', () => {
  const { campaign, clock, stream, heard } = standing();
  stream().says(elected);
  expect(heard).toEqual(['elected 7']);
  expect([campaign.leads(7), campaign.leads(6)]).toEqual([true, false]);
  // The heartbeat of 500 ms is answered late: the lease holds until 2,500 ms, not longer.
  clock.advance(600);
  stream().says(renewed);
  clock.advance(1899);
  expect(campaign.leads(7)).toBe(true);
  clock.advance(1);
  expect(campaign.leads(7)).toBe(false);
  expect(heard[1]).toMatch(/^lost: the lease ran out/);
});

test('a registry that breaks is left for another, and the lease is carried there', () => {
  const { campaign, clock, streams, stream, heard } = standing();
  stream().says(elected);
  streams[0]?.emit('error', new Error('gone'));
  expect(campaign.leads(7)).toBe(true);
  clock.advance(100);
  expect(streams).toHaveLength(2);
  expect(stream().written[0]).toMatchObject({ election: 'master', carried: { leaseId: 9n, term: 7n } });
  stream().says(elected);
  // The same term: nothing was lost, and nobody is told anything.
  expect(heard).toEqual(['elected 7']);
  expect(campaign.leads(7)).toBe(true);
});

test('a registry that hangs is left as well', () => {
  const { clock, streams, stream } = standing();
  stream().says(elected);
  clock.advance(500 + 667);
  expect(streams[0]?.cancelled).toBe(true);
  clock.advance(100);
  expect(streams).toHaveLength(2);
});

test('whoever waits knows who leads, and keeps answering for itself', () => {
  const { clock, stream, heard } = standing();
  const leader = { id: 'c2', grpcAddress: 'b:1', httpAddress: 'b:2', hostname: 'b', version: '1' };
  stream().says({ $case: 'waiting', value: { leader } });
  expect(heard).toEqual(['leader b:1']);
  clock.advance(500);
  expect(stream().written).toHaveLength(2);
});

test('one that lost stands again', () => {
  const { clock, streams, stream, heard } = standing();
  stream().says(elected);
  stream().says({ $case: 'lost', value: { reason: 'the store lost the lease' } });
  expect(heard).toEqual(['elected 7', 'lost: the store lost the lease']);
  clock.advance(50);
  expect(streams).toHaveLength(2);
  expect(stream().written[0]?.carried).toBeUndefined();
});

test('one that closes lets its stream go, which gives the lease back', () => {
  const { campaign, streams, clock } = standing();
  campaign.close();
  expect(streams[0]?.cancelled).toBe(true);
  clock.advance(10_000);
  expect(streams).toHaveLength(1);
});
