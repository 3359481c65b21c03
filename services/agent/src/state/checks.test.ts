import type { TaskInfo } from '@meseta/protocol';
import { Story } from './testdata/story';

const http = { check: { type: 'HTTP' as never, http: { port: 80 }, delaySeconds: 1, intervalSeconds: 5 } };
const healthCheck: TaskInfo['healthCheck'] = {
  type: 'TCP' as never,
  tcp: { port: 80 },
  statuses: [],
  delaySeconds: 0,
  intervalSeconds: 2,
  gracePeriodSeconds: 5,
} as TaskInfo['healthCheck'];

function running(task: Partial<TaskInfo>): Story {
  const agent = Story.registered();
  agent.running('T1', { task });
  return agent;
}

/** Acknowledges all that is told. */
function settle(agent: Story): void {
  while ((agent.task('T1')?.updates.length ?? 0) > 0) agent.acknowledge('T1');
}

describe('checks', () => {
  test('T71: the first status has an empty answer, and only what changes is told', () => {
    const agent = running(http);
    expect(agent.task('T1')?.history.at(-1)?.checkStatus).toEqual({ type: 'HTTP' });
    expect(agent.advance(1_000)).toEqual(['1000 ms: ask T1 check 1']);
    expect(agent.probed('T1', 'check', { type: 'HTTP', statusCode: 200 })).toEqual([
      'tell T1 RUNNING TASK_CHECK_STATUS_UPDATED',
    ]);
    settle(agent);
    expect(agent.advance(5_000)).toEqual(['5000 ms: ask T1 check 2']);
    expect(agent.probed('T1', 'check', { type: 'HTTP', statusCode: 200 })).toEqual([]);
    agent.advance(5_000);
    expect(agent.probed('T1', 'check', { kind: 'failed', message: 'refused' })).toEqual([
      'tell T1 RUNNING TASK_CHECK_STATUS_UPDATED',
    ]);
    expect(agent.task('T1')?.checkStatus).toEqual({ type: 'HTTP' });
  });

  test('T70: what is not said is 15 seconds of delay and 10 between', () => {
    const agent = running({ check: { type: 'TCP' as never, tcp: { port: 1 } } });
    expect(agent.advance(14_999)).toEqual([]);
    expect(agent.advance(1)).toEqual(['1 ms: ask T1 check 1']);
    agent.probed('T1', 'check', { type: 'TCP', succeeded: true });
    settle(agent);
    expect(agent.advance(9_999)).toEqual([]);
    expect(agent.advance(1)).toEqual(['1 ms: ask T1 check 2']);
  });

  test('an answer that is late, or of a task that is to end, is nothing', () => {
    const agent = running(http);
    agent.advance(1_000);
    agent.probed('T1', 'check', { type: 'HTTP', statusCode: 200 });
    expect(agent.probed('T1', 'check', { type: 'HTTP', statusCode: 500 })).toEqual([]);
    settle(agent);
    agent.advance(5_000);
    agent.kill('T1', 60_000);
    expect(agent.probed('T1', 'check', { type: 'HTTP', statusCode: 500 })).toEqual([]);
    expect(agent.advance(20_000)).toEqual([]);
  });
});

describe('health checks', () => {
  const bad = { type: 'TCP', succeeded: false } as const;
  const good = { type: 'TCP', succeeded: true } as const;

  test('T73, T74: healthy is told once, every failure is, and three in a row kill', () => {
    const agent = running({ healthCheck });
    expect(agent.advance(0)).toEqual(['0 ms: ask T1 health 1']);
    expect(agent.probed('T1', 'health', good)).toEqual(['tell T1 RUNNING TASK_HEALTH_CHECK_STATUS_UPDATED']);
    settle(agent);
    for (const last of [false, false, true]) {
      agent.advance(2_000);
      expect(agent.probed('T1', 'health', bad)).toEqual([
        'tell T1 RUNNING TASK_HEALTH_CHECK_STATUS_UPDATED',
        ...(last ? ['terminate C-T1'] : []),
      ]);
      settle(agent);
    }
    expect(agent.ended('T1', { kind: 'signaled', signal: 'SIGTERM' })).toEqual([
      'tell T1 KILLED TASK_HEALTH_CHECK_STATUS_UPDATED',
    ]);
    expect(agent.task('T1')?.updates[0]).toMatchObject({ healthy: false });
  });

  test('T72: while a task comes up its failures do not count', () => {
    const agent = running({ healthCheck });
    for (let i = 0; i < 3; i++) {
      agent.advance(i === 0 ? 0 : 2_000);
      expect(agent.probed('T1', 'health', bad)).toEqual([]);
    }
    agent.advance(2_000);
    expect(agent.probed('T1', 'health', bad)).toHaveLength(1);
  });

  test('one that is well again has its failures forgiven, and 0 never kills', () => {
    const agent = running({ healthCheck: { ...healthCheck!, consecutiveFailures: 0 } });
    agent.advance(0);
    agent.probed('T1', 'health', good);
    settle(agent);
    for (let i = 0; i < 20; i++) {
      agent.advance(2_000);
      expect(agent.probed('T1', 'health', { kind: 'failed', message: 'late' })).toHaveLength(1);
      settle(agent);
    }
    agent.advance(2_000);
    expect(agent.probed('T1', 'health', good)).toHaveLength(1);
    expect(agent.task('T1')?.health?.failures).toBe(0);
  });

  test('T79: after a restart of the agent the questions go on', () => {
    const agent = running({ healthCheck });
    agent.restart();
    agent.recovered('T1', { kind: 'running', facts: {} });
    agent.connect();
    expect(agent.advance(2_000)).toEqual(['2000 ms: ask T1 health 1']);
  });
});
