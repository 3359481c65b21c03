import { AgentClient, type OperatorClient, type Task } from '@meseta/sdk';
import type { CliContext } from '../context';
import { LinePrefix } from './line-prefix';

/**
 * Streams what tasks write, from the agents they run on, to where this command writes.
 *
 * Each task's stdout and stderr is read once, from the beginning to the end that follows the task's own. With a prefix,
 * whole lines; without, bytes as they come.
 */
export class TaskOutput {
  readonly #context: CliContext;
  readonly #operator: OperatorClient;
  readonly #frameworkId: string;
  readonly #prefixed: boolean;
  readonly #agents = new Map<string, AgentClient>();
  readonly #reads: Promise<void>[] = [];
  readonly #read = new Set<string>();

  constructor(options: {
    context: CliContext;
    operator: OperatorClient;
    frameworkId: string;
    prefixed: boolean;
  }) {
    this.#context = options.context;
    this.#operator = options.operator;
    this.#frameworkId = options.frameworkId;
    this.#prefixed = options.prefixed;
  }

  /** Starts to read a task that its agent knows. Further calls for the same task do nothing. */
  follow(task: Task): void {
    if (this.#read.has(task.id)) return;
    this.#read.add(task.id);
    for (const stream of ['stdout', 'stderr'] as const) this.#reads.push(this.#copy(task, stream));
  }

  /** Settles when everything was read. */
  async finished(): Promise<void> {
    await Promise.all(this.#reads);
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.close();
  }

  async #copy(task: Task, stream: 'stdout' | 'stderr'): Promise<void> {
    const sink = stream === 'stdout' ? this.#context.out : this.#context.err;
    const lines = this.#prefixed ? new LinePrefix(`[${task.name}] `, (text) => sink.write(text)) : undefined;
    try {
      const agent = await this.#agentOf(task.agentId ?? '');
      const pieces = agent.readLog({ frameworkId: this.#frameworkId, taskId: task.id, stream, follow: true });
      for await (const { data } of pieces) {
        if (lines !== undefined) lines.push(data);
        else if (stream === 'stdout') this.#context.out.write(data);
        else this.#context.err.write(data.toString());
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#context.err.write(`meseta: cannot read ${stream} of ${task.name}: ${why}\n`);
    } finally {
      lines?.end();
    }
  }

  async #agentOf(agentId: string): Promise<AgentClient> {
    const known = this.#agents.get(agentId);
    if (known !== undefined) return known;
    const { statuses } = await this.#operator.agents();
    const address = statuses.find((status) => status.agentId?.value === agentId)?.grpcAddress ?? '';
    if (address === '') throw new Error(`its agent ${agentId} is not connected`);
    // Two reads of one agent may have asked at the same time.
    const agent = this.#agents.get(agentId) ?? new AgentClient(address);
    this.#agents.set(agentId, agent);
    return agent;
  }
}
