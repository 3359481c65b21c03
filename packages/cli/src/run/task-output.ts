import { isFailureError } from '@meseta/kit';
import { AgentClient, type OperatorClient, type Task } from '@meseta/sdk';
import type { CliContext } from '../context';
import { LinePrefix } from './line-prefix';

/** An agent that is away is looked for this often, with growing pauses: about a minute in all, enough for its restart. */
const readTriesMax = 15;
const retryStepMs = 500;

/**
 * Streams what tasks write, from the agents they run on, to where this command writes.
 *
 * Each task's stdout and stderr is read once, from the beginning to the end that follows the task's own. When an agent
 * goes away, reading goes on where it was once the agent is back. With a prefix, whole lines; without, bytes as they come.
 */
export class TaskOutput {
  readonly #context: CliContext;
  readonly #operator: OperatorClient;
  readonly #frameworkId: string;
  readonly #prefixed: boolean;
  readonly #agents = new Map<string, AgentClient>();
  readonly #reads: Promise<void>[] = [];
  readonly #read = new Set<string>();
  #closed = false;

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
    this.#closed = true;
    for (const agent of this.#agents.values()) agent.close();
  }

  async #copy(task: Task, stream: 'stdout' | 'stderr'): Promise<void> {
    const sink = stream === 'stdout' ? this.#context.out : this.#context.err;
    const lines = this.#prefixed ? new LinePrefix(`[${task.name}] `, (text) => sink.write(text)) : undefined;
    const write = (data: Buffer): void => {
      if (lines !== undefined) lines.push(data);
      else if (stream === 'stdout') this.#context.out.write(data);
      else this.#context.err.write(data.toString());
    };
    let offset = 0;
    for (let tries = 1; !this.#closed; tries++) {
      try {
        const agent = await this.#agentOf(task.agentId ?? '');
        const from = { frameworkId: this.#frameworkId, taskId: task.id, stream, offset, follow: true };
        for await (const piece of agent.readLog(from)) {
          write(piece.data);
          offset = Number(piece.offset) + piece.data.length;
          tries = 1;
        }
        break;
      } catch (error) {
        if (tries >= readTriesMax || !mayPass(error)) {
          const why = error instanceof Error ? error.message : String(error);
          this.#context.err.write(`meseta: cannot read ${stream} of ${task.name}: ${why}\n`);
          break;
        }
        this.#forget(task.agentId ?? '');
        await new Promise((resolve) => setTimeout(resolve, retryStepMs * tries));
      }
    }
    lines?.end();
  }

  /** The agent may be back at another address. */
  #forget(agentId: string): void {
    this.#agents.get(agentId)?.close();
    this.#agents.delete(agentId);
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

/** Whether trying again may help: an agent that is away comes back, a task that it does not know does not. */
function mayPass(error: unknown): boolean {
  return !isFailureError(error) || error.failure.kind === 'notLeader' || error.failure.kind === 'bug';
}
