import fc from 'fast-check';
import { instant } from '@meseta/model';
import { Deadlines } from './deadlines';
import { Story } from './testdata/story';
import { uuidAt } from './status';

describe('status updates', () => {
  test('T22: again after 10 s, doubling up to 10 min, for ever', () => {
    const agent = Story.registered();
    agent.launch('T1');
    const at = agent.advance(3_000_000).map((line) => Number(line.split(' ')[0]) / 1000);
    expect(at.slice(0, 9)).toEqual([10, 30, 70, 150, 310, 630, 1230, 1830, 2430]);
  });

  test('T23: a uuid that is not in flight acknowledges nothing', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.started('T1');
    const uuids = agent.task('T1')?.updates.map(({ uuid }) => uuid) ?? [];
    expect(agent.acknowledge('T1', uuids[1])).toEqual([]);
    expect(agent.acknowledge('T1', 'ff'.repeat(16))).toEqual([]);
    expect(agent.acknowledge('T1', uuids[0])).toEqual(['tell T1 RUNNING']);
    expect(agent.acknowledge('T1', uuids[0])).toEqual([]);
  });

  test('T29: nothing is sent without a master, and everything at once with the next, counting from the start', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.advance(10_000);
    agent.disconnect();
    expect(agent.advance(100_000)).toEqual([]);
    agent.launch('T2');
    expect(agent.connect()).toEqual(['registered', 'tell T1 STARTING']);
    expect(agent.advance(10_000)).toEqual(['10000 ms: tell T1 STARTING again, 2']);
  });

  test('T28: a framework that is back is told at once', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.advance(40_000);
    expect(agent.updateFramework()).toEqual(['tell T1 STARTING']);
  });

  test('T30: the last acknowledgement of an end is the end of the record, one before it is not', () => {
    const agent = Story.registered();
    agent.launch('T1');
    agent.started('T1');
    agent.acknowledge('T1');
    agent.acknowledge('T1');
    expect(agent.task('T1')).toBeDefined();
    agent.ended('T1', 0);
    expect(agent.acknowledge('T1')).toEqual(['forget T1']);
  });

  test('uuids of a task are 16 bytes and all different', () => {
    const seed = '01234567-89ab-cdef-0123-456789abcdef';
    const uuids = Array.from({ length: 100 }, (_, n) => uuidAt(seed, n));
    expect(new Set(uuids).size).toBe(100);
    for (const uuid of uuids) expect(uuid).toMatch(/^[0-9a-f]{32}$/);
  });

  test('deadlines come in the order of their time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000)), (times) => {
        const deadlines = new Deadlines();
        for (const at of times) deadlines.add({ at: instant(at), kind: 'retry', key: '' });
        const taken: number[] = [];
        for (
          let due = deadlines.takeDue(instant(500));
          due !== undefined;
          due = deadlines.takeDue(instant(500))
        )
          taken.push(due.at);
        expect(taken).toEqual(times.filter((at) => at <= 500).sort((a, b) => a - b));
        expect(deadlines.next()).toBe(times.filter((at) => at > 500).sort((a, b) => a - b)[0]);
      }),
    );
  });
});
