import { readConfig } from '@meseta/kit';
import { agentService } from './config';

describe('the agent’s options', () => {
  const read = (...flags: readonly string[]) =>
    readConfig(agentService, ['--master=localhost:5060', '--work-dir=/tmp/agent', ...flags], {});

  test('E23: executors have 15 s at most to come back', () => {
    expect(read('--executor-reregistration-timeout=15s').executorReregistrationTimeout).toBe(15_000);
    expect(() => read('--executor-reregistration-timeout=16s')).toThrow(/executor-reregistration-timeout/);
  });
});
