import { createLogger, type Timers } from '@meseta/kit';
import { failure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import { createMemoryStore } from '../store/memory';
import type { Store } from '../store/store';
import { Campaign } from './campaign';

const ttlMs = 2000;

/** Time that passes when it is told to. */
class ManualTimers implements Timers {
  #now = 0;
  readonly #waiting = new Set<{ readonly at: number; readonly fn: () => void }>();

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + ms, fn };
    this.#waiting.add(timer);
    return () => void this.#waiting.delete(timer);
  }

  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = next.at;
      this.#waiting.delete(next);
      next.fn();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything happen that needs no time to pass. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function setUp() {
  const timers = new ManualTimers();
  const memory = createMemoryStore({ timers });
  const answers = { renewals: true };
  const store: Store = new Proxy<Store>(memory, {
    get: (target, name) => {
      if (name === 'renewLease' && !answers.renewals) return () => new Promise(() => undefined);
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  const stand = (id: string, carried?: { term: bigint; leaseId: bigint }) => {
    const told: NonNullable<internal.CampaignResponse['event']>[] = [];
    const ends: (Failure | undefined)[] = [];
    const candidate = { id, grpcAddress: '', httpAddress: '', hostname: '', version: '' };
    const campaign = new Campaign(
      {
        election: 'master',
        candidate,
        holder: `${id} at ${told.length}`,
        ...(carried && { carried, holder: `${id} again` }),
      },
      { send: (event) => told.push(event), finish: (failed) => ends.push(failed) },
      { store, timers, leaseTtlMs: ttlMs, log: createLogger('registry', 'silent') },
    );
    campaign.start();
    return { campaign, ends, told: () => told.map(({ $case }) => $case), events: told };
  };
  const lead = async (id: string) => {
    const leader = stand(id);
    await settle();
    const event = leader.events[0];
    if (event?.$case !== 'elected') throw new Error(`${id} was not elected`);
    return { ...leader, elected: event.value };
  };
  return { timers, store, answers, stand, lead };
}

test('E1: a lease lasts as long as the candidate beats', async () => {
  const { timers, store, lead } = setUp();
  const { campaign, told } = await lead('m1');
  for (let beat = 0; beat < 10; beat += 1) {
    await timers.pass(ttlMs / 2);
    campaign.heartbeat();
    await settle();
  }
  expect(new Set(told().slice(1))).toEqual(new Set(['renewed']));
  await timers.pass(ttlMs - 1);
  expect(campaign.state).toBe('leading');
  await timers.pass(1);
  expect(told().at(-1)).toBe('lost');
  expect(await store.leader('master')).toBeUndefined();
});

test('E2: if the store does not answer, the candidate is told a TTL after the last renewal that was granted', async () => {
  const { timers, answers, lead } = setUp();
  const { campaign, told, ends } = await lead('m1');
  await timers.pass(500);
  campaign.heartbeat();
  await settle();
  answers.renewals = false;
  await timers.pass(500);
  campaign.heartbeat();
  await timers.pass(ttlMs - 501);
  expect(told()).toEqual(['elected', 'renewed']);
  await timers.pass(1);
  expect(told()).toEqual(['elected', 'renewed', 'lost']);
  expect(ends).toEqual([undefined]);
});

test('E3: a candidate that goes frees the election at once', async () => {
  const { store, lead, stand } = setUp();
  const { campaign } = await lead('m1');
  const next = stand('m2');
  await settle();
  expect(next.told()).toEqual(['waiting']);
  campaign.abandon();
  await settle();
  expect(next.told()).toEqual(['waiting', 'elected']);
  expect((await store.leader('master'))?.value).toContain('m2');
});

test('E3: a candidate that goes because it got no answer takes its lease along', async () => {
  const { timers, answers, lead, stand } = setUp();
  const { campaign, elected } = await lead('m1');
  answers.renewals = false;
  campaign.heartbeat();
  await timers.pass(ttlMs / 3);
  campaign.abandon();
  await settle();
  answers.renewals = true;
  const again = stand('m1', elected);
  await settle();
  expect(again.events).toEqual([{ $case: 'elected', value: elected }]);
});

test('E4: an instance that stops gives nothing back', async () => {
  const { store, lead } = setUp();
  const { campaign, elected, ends } = await lead('m1');
  campaign.release();
  await settle();
  expect(ends).toEqual([failure('notLeader', 'this registry instance is stopping')]);
  expect((await store.leader('master'))?.term).toBe(elected.term);
});

test('E5: a heartbeat is answered also while another leads', async () => {
  const { lead, stand } = setUp();
  await lead('m1');
  const second = stand('m2');
  await settle();
  second.campaign.heartbeat();
  expect(second.told()).toEqual(['waiting', 'renewed']);
});

test('of several candidates one is elected, and of those that wait one follows', async () => {
  const { timers, stand } = setUp();
  const all = ['m1', 'm2', 'm3', 'm4', 'm5'].map((id) => stand(id));
  await settle();
  const leaders = () => all.filter(({ campaign }) => campaign.state === 'leading');
  expect(leaders()).toHaveLength(1);
  leaders()[0]?.campaign.abandon();
  await timers.pass(300);
  expect(leaders()).toHaveLength(1);
});
