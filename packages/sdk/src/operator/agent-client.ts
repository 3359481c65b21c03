import { credentials, type ClientDuplexStream, type ClientReadableStream } from '@grpc/grpc-js';
import { FailureError, callUnary, channelOptions, failureOf } from '@meseta/kit';
import {
  AgentServiceClient,
  LogStream,
  type AgentServiceGetExecutorsResponse,
  type AgentServiceGetFrameworksResponse,
  type AgentServiceGetTasksResponse,
  type AttachRequest,
  type AttachResponse,
  type ExecRequest,
  type ExecResponse,
  type GetAgentResponse,
  type ListFilesResponse,
  type ReadFileResponse,
  type ReadLogResponse,
} from '@meseta/protocol';

/** Which output of which task to read. */
export interface LogQuery {
  readonly frameworkId: string;
  readonly taskId: string;
  /** stdout if unset. */
  readonly stream?: 'stdout' | 'stderr';
  /** Where to start, in bytes from the beginning; a negative number counts back from the end. */
  readonly offset?: number;
  /** Goes on until the task has ended and all was read. */
  readonly follow?: boolean;
}

/** Reads what is on one agent. Every call rejects with a `FailureError`. */
export class AgentClient {
  readonly #client: AgentServiceClient;
  readonly #reads = new Set<ClientReadableStream<ReadLogResponse>>();

  /** `address` is the agent's gRPC address, host:port, as the master's list of agents has it. */
  constructor(address: string) {
    this.#client = new AgentServiceClient(address, credentials.createInsecure(), channelOptions());
  }

  agent(): Promise<GetAgentResponse> {
    return callUnary(this.#client.getAgent.bind(this.#client), {});
  }

  tasks(): Promise<AgentServiceGetTasksResponse> {
    return callUnary(this.#client.getTasks.bind(this.#client), {});
  }

  /** Those that run, and those that have ended since the agent was started. */
  executors(): Promise<AgentServiceGetExecutorsResponse> {
    return callUnary(this.#client.getExecutors.bind(this.#client), {});
  }

  /** Those with tasks or executors on this agent, and those that had some since it was started. */
  frameworks(): Promise<AgentServiceGetFrameworksResponse> {
    return callUnary(this.#client.getFrameworks.bind(this.#client), {});
  }

  files(frameworkId: string, taskId: string, path = ''): Promise<ListFilesResponse> {
    const request = { frameworkId: { value: frameworkId }, taskId: { value: taskId }, path };
    return callUnary(this.#client.listFiles.bind(this.#client), request);
  }

  /** A piece of a file of a sandbox, at most so many bytes, or 1 MiB; empty at its end. It tells the size of the whole, too. */
  readFile(
    frameworkId: string,
    taskId: string,
    path: string,
    offset: number,
    length = 0,
  ): Promise<ReadFileResponse> {
    const names = { frameworkId: { value: frameworkId }, taskId: { value: taskId } };
    const request = { ...names, path, offset: BigInt(offset), length: BigInt(length) };
    return callUnary(this.#client.readFile.bind(this.#client), request);
  }

  /** The pieces of an output, in order. Ends at its end, or by leaving the loop. */
  async *readLog(query: LogQuery): AsyncGenerator<ReadLogResponse> {
    const stream = this.#client.readLog({
      frameworkId: { value: query.frameworkId },
      taskId: { value: query.taskId },
      stream: query.stream === 'stderr' ? LogStream.STDERR : LogStream.STDOUT,
      offset: BigInt(query.offset ?? 0),
      follow: query.follow ?? false,
    });
    this.#reads.add(stream);
    try {
      yield* stream as AsyncIterable<ReadLogResponse>;
    } catch (error) {
      throw new FailureError(failureOf(error));
    } finally {
      this.#reads.delete(stream);
      stream.on('error', () => undefined);
      stream.cancel();
    }
  }

  /** Runs a command beside a task. The stream takes requests and gives responses; see the contract of `Exec`. */
  exec(): ClientDuplexStream<ExecRequest, ExecResponse> {
    return this.#client.exec();
  }

  /** Follows what a task prints, and types to its terminal. The stream takes requests and gives responses; see the contract of `Attach`. */
  attach(): ClientDuplexStream<AttachRequest, AttachResponse> {
    return this.#client.attach();
  }

  /** Ends every reading and closes the connection. */
  close(): void {
    for (const stream of this.#reads) stream.cancel();
    this.#client.close();
  }
}
