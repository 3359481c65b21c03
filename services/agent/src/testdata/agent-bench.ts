import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createLogger, noTracing, readConfig, type FailureError } from '@meseta/kit';
import { agentService } from '../config';
import { createAgentServer, type AgentDependencies, type AgentServer } from '../server';
import { FakeMaster } from './fake-master';

/** An agent of the process runtime with a master of its own, in a directory that goes with it. */
export class AgentBench {
  readonly fatal: FailureError[] = [];
  agent!: AgentServer;
  /** The first one's, which is kept: executors find their agent again where it was. */
  private port = '0';

  private constructor(
    readonly workDir: string,
    readonly master: FakeMaster,
    private readonly more: Partial<AgentDependencies>,
  ) {}

  /** @param flags as on the command line; a later one wins */
  static async open(
    flags: readonly string[] = [],
    more: Partial<AgentDependencies> = {},
  ): Promise<AgentBench> {
    const bench = new AgentBench(
      await mkdtemp(join(tmpdir(), 'meseta-agent-')),
      await FakeMaster.start(),
      more,
    );
    try {
      await bench.start(flags);
    } catch (error) {
      bench.master.close();
      await rm(bench.workDir, { recursive: true, force: true });
      throw error;
    }
    return bench;
  }

  async start(flags: readonly string[] = []): Promise<void> {
    const argv = [
      ...['--master', this.master.address, '--work-dir', this.workDir],
      ...[`--port=${this.port}`, '--http-port=0'],
      ...(flags.some((flag) => flag.startsWith('--runtimes')) ? [] : ['--runtimes=process']),
      ...flags,
    ];
    this.agent = await createAgentServer({
      config: readConfig(agentService, argv, {}),
      log: createLogger('agent', process.env['TEST_LOG'] ?? 'silent'),
      tracing: noTracing,
      onFatal: (error) => this.fatal.push(error),
      ...this.more,
    });
    this.port = this.agent.grpc.split(':').at(-1) ?? '0';
    await this.master.until('registered', () => this.agent.isRegistered());
  }

  async restart(flags: readonly string[] = []): Promise<void> {
    await this.agent.close();
    await this.start(flags);
  }

  /** A file of the sandbox of a task of its own, or of an executor. */
  sandbox(executorId: string, ...path: string[]): string {
    return join(
      this.workDir,
      'agents/agent-1/frameworks/framework/executors',
      executorId,
      'runs/latest',
      ...path,
    );
  }

  /** What a task has printed, once that holds something that is waited for. */
  async output(executorId: string, wanted: RegExp, path: readonly string[] = ['stdout']): Promise<string> {
    for (let tries = 0; ; tries++) {
      const text = await readFile(this.sandbox(executorId, ...path), 'utf8').catch(() => '');
      if (wanted.test(text)) return text;
      if (tries === 500) throw new Error(`not printed in time: ${wanted}; printed: ${text}`);
      await pause(20);
    }
  }

  /** Ends the agent, its tasks and its directory. */
  async close(): Promise<void> {
    await this.agent.unregister('the test is over');
    await this.agent.close();
    this.master.close();
    // A task's watcher may still be writing down how it ended.
    await rm(this.workDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}
