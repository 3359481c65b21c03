import { credentials, type ClientReadableStream } from '@grpc/grpc-js';
import {
  FailureError,
  LeaderFinder,
  callUnary,
  channelOptions,
  failureOf,
  type UnaryMethod,
} from '@meseta/kit';
import { failure } from '@meseta/model';
import {
  OperatorServiceClient,
  type ExplainResponse,
  type FrameworkInfo,
  type GetAgentsResponse,
  type GetMasterResponse,
  type GetQuotaResponse,
  type GetStateResponse,
  type GetVersionResponse,
  type KillPolicy,
  type MachineID,
  type OperatorServiceWatchResponse,
  type Role,
  type Task as TaskMessage,
  type WeightInfo,
  type maintenance,
  type Resource,
  type master as v1,
  type quota as quotas,
} from '@meseta/protocol';
import { systemEnvironment, type Environment } from '../environment';
import { addressesOf } from '../framework-options';

/** How an `OperatorClient` is made. */
export interface OperatorClientOptions {
  /** The masters, as host:port[,host:port…]; any one that lives is enough to find the leader. */
  readonly master: string;
  /** How long a call may look for the leader, in milliseconds; 5 s if unset. */
  readonly timeoutMs?: number | undefined;
  readonly environment?: Environment;
}

/** Names a task; without a framework its id must be unique in the cluster. */
export interface TaskName {
  readonly taskId: string;
  readonly frameworkId?: string;
}

const timeoutDefaultMs = 5000;

/**
 * Reads and changes the cluster as an operator does, wherever the leader is now.
 *
 * Every call rejects with a `FailureError`; with `notLeader` and `no leader at …` when none was found in time.
 */
export class OperatorClient {
  readonly #options: OperatorClientOptions;
  readonly #environment: Environment;
  readonly #leader: LeaderFinder;
  readonly #clients = new Map<string, OperatorServiceClient>();
  readonly #watches = new Set<ClientReadableStream<OperatorServiceWatchResponse>>();
  #closed = false;

  constructor(options: OperatorClientOptions) {
    this.#options = options;
    this.#environment = options.environment ?? systemEnvironment;
    this.#leader = new LeaderFinder({
      addresses: addressesOf(options.master),
      random: this.#environment.random,
      backoffMaxMs: 500,
    });
  }

  /** The master that answered last, or that is tried next. */
  get master(): string {
    return this.#leader.current();
  }

  /** The software's version, of whichever master answers: it need not lead. */
  version(): Promise<GetVersionResponse> {
    return this.#call((client) => client.getVersion.bind(client), {});
  }

  /** Who leads, since when and in which term. */
  leader(): Promise<GetMasterResponse> {
    return this.#call((client) => client.getMaster.bind(client), {});
  }

  /** Agents, frameworks and tasks at one moment. */
  state(): Promise<GetStateResponse> {
    return this.#call((client) => client.getState.bind(client), {});
  }

  agents(): Promise<GetAgentsResponse> {
    return this.#call((client) => client.getAgents.bind(client), {});
  }

  async frameworks(): Promise<v1.Response_GetFrameworks | undefined> {
    return (await this.#call((client) => client.getFrameworks.bind(client), {})).frameworks;
  }

  /** Every task, or those of one framework. */
  async tasks(of: { readonly frameworkId?: string } = {}): Promise<v1.Response_GetTasks | undefined> {
    const frameworkId = of.frameworkId === undefined ? undefined : { value: of.frameworkId };
    const request = { frameworkId, taskId: undefined };
    return (await this.#call((client) => client.getTasks.bind(client), request)).tasks;
  }

  async roles(): Promise<readonly Role[]> {
    return (await this.#call((client) => client.getRoles.bind(client), {})).roles;
  }

  /** The quotas of roles, and what each consumes. */
  quota(): Promise<GetQuotaResponse> {
    return this.#call((client) => client.getQuota.bind(client), {});
  }

  /** Sets the quotas of roles, all of them or none. `force` sets limits below use and guarantees beyond what there is. */
  async updateQuota(configs: readonly quotas.QuotaConfig[], force = false): Promise<void> {
    await this.#call((client) => client.updateQuota.bind(client), { quotaConfigs: configs, force });
  }

  /** The weights that were set. */
  async weights(): Promise<readonly WeightInfo[]> {
    return (await this.#call((client) => client.getWeights.bind(client), {})).weightInfos;
  }

  /** Sets the weights of roles, all of them or none. */
  async updateWeights(weightInfos: readonly WeightInfo[]): Promise<void> {
    await this.#call((client) => client.updateWeights.bind(client), { weightInfos });
  }

  /**
   * Ends the tasks of an agent and offers nothing of it, until it is reactivated.
   *
   * @param options.graceMaxMs the most that a task gets to end; what each asks for if unset
   * @param options.markGone whether the agent is marked gone once it is empty
   */
  async drainAgent(
    agentId: string,
    { graceMaxMs, markGone = false }: { readonly graceMaxMs?: number; readonly markGone?: boolean } = {},
  ): Promise<void> {
    const maxGracePeriod = graceMaxMs === undefined ? undefined : durationOf(graceMaxMs);
    await this.#call((client) => client.drainAgent.bind(client), {
      agentId: { value: agentId },
      maxGracePeriod,
      markGone,
    });
  }

  /** Offers nothing of an agent until it is reactivated; what runs on it goes on. */
  async deactivateAgent(agentId: string): Promise<void> {
    await this.#call((client) => client.deactivateAgent.bind(client), { agentId: { value: agentId } });
  }

  /** Offers an agent again that was deactivated or drained. */
  async reactivateAgent(agentId: string): Promise<void> {
    await this.#call((client) => client.reactivateAgent.bind(client), { agentId: { value: agentId } });
  }

  /** Says that an agent will not come back; it is refused from now on. Cannot be undone. */
  async markAgentGone(agentId: string): Promise<void> {
    await this.#call((client) => client.markAgentGone.bind(client), { agentId: { value: agentId } });
  }

  /** The planned maintenance. */
  async maintenanceSchedule(): Promise<maintenance.Schedule> {
    const answer = await this.#call((client) => client.getMaintenanceSchedule.bind(client), {});
    return answer.schedule ?? { windows: [] };
  }

  /** Replaces the planned maintenance. A machine that is down must stay in it. */
  async updateMaintenanceSchedule(schedule: maintenance.Schedule): Promise<void> {
    await this.#call((client) => client.updateMaintenanceSchedule.bind(client), { schedule });
  }

  /** What frameworks said to the planned maintenance, and which machines are down. */
  async maintenanceStatus(): Promise<maintenance.ClusterStatus> {
    const answer = await this.#call((client) => client.getMaintenanceStatus.bind(client), {});
    return answer.status ?? { drainingMachines: [], downMachines: [] };
  }

  /** Takes scheduled machines out of use; their agents are removed. */
  async startMaintenance(machines: readonly MachineID[]): Promise<void> {
    await this.#call((client) => client.startMaintenance.bind(client), { machines });
  }

  /** Brings machines back, and takes them out of the schedule. */
  async stopMaintenance(machines: readonly MachineID[]): Promise<void> {
    await this.#call((client) => client.stopMaintenance.bind(client), { machines });
  }

  /** Sets resources of an agent aside; with a source they are reserved otherwise now. Offers that are in the way are taken back. */
  async reserveResources(
    agentId: string,
    resources: readonly Resource[],
    source: readonly Resource[] = [],
  ): Promise<void> {
    const request = { agentId: { value: agentId }, resources, source };
    await this.#call((client) => client.reserveResources.bind(client), request);
  }

  /** Undoes the last layer of dynamic reservations. */
  async unreserveResources(agentId: string, resources: readonly Resource[]): Promise<void> {
    const request = { agentId: { value: agentId }, resources };
    await this.#call((client) => client.unreserveResources.bind(client), request);
  }

  /** Makes persistent volumes of reserved disk. */
  async createVolumes(agentId: string, volumes: readonly Resource[]): Promise<void> {
    await this.#call((client) => client.createVolumes.bind(client), { agentId: { value: agentId }, volumes });
  }

  /** Deletes persistent volumes that no task uses, with what is on them. */
  async destroyVolumes(agentId: string, volumes: readonly Resource[]): Promise<void> {
    await this.#call((client) => client.destroyVolumes.bind(client), {
      agentId: { value: agentId },
      volumes,
    });
  }

  /** Adds unused disk of the same reservation to a volume. */
  async growVolume(agentId: string, volume: Resource, addition: Resource): Promise<void> {
    const request = { agentId: { value: agentId }, volume, addition };
    await this.#call((client) => client.growVolume.bind(client), request);
  }

  /** Takes megabytes off a volume. */
  async shrinkVolume(agentId: string, volume: Resource, megabytes: number): Promise<void> {
    const request = { agentId: { value: agentId }, volume, subtract: { value: megabytes } };
    await this.#call((client) => client.shrinkVolume.bind(client), request);
  }

  /** Ends a task; its framework is told as if it had asked itself. */
  async killTask(name: TaskName, killPolicy?: KillPolicy): Promise<TaskMessage | undefined> {
    const request = {
      taskId: { value: name.taskId },
      frameworkId: name.frameworkId === undefined ? undefined : { value: name.frameworkId },
      killPolicy,
    };
    return (await this.#call((client) => client.killTask.bind(client), request)).task;
  }

  /** Ends a framework and all its tasks. */
  async teardown(frameworkId: string): Promise<FrameworkInfo | undefined> {
    const request = { frameworkId: { value: frameworkId } };
    return (await this.#call((client) => client.teardownFramework.bind(client), request)).frameworkInfo;
  }

  /** Why a framework gets no offers, in one role or in all of its own. */
  explain(frameworkId: string, role = ''): Promise<ExplainResponse> {
    return this.#call((client) => client.explain.bind(client), { frameworkId: { value: frameworkId }, role });
  }

  /**
   * The cluster's events, from the whole state on or from behind a resume point. When the leader changes, the stream
   * begins anew at the next one, with its whole state. Ends by leaving the loop.
   */
  async *watch(after = ''): AsyncGenerator<OperatorServiceWatchResponse> {
    let resume = after;
    let giveUpAtMs = this.#nowMs() + this.#timeoutMs;
    for (;;) {
      const stream = this.#client().watch({ after: resume });
      this.#watches.add(stream);
      try {
        for await (const message of stream as AsyncIterable<OperatorServiceWatchResponse>) {
          this.#leader.succeeded();
          giveUpAtMs = this.#nowMs() + this.#timeoutMs;
          resume = message.resume;
          yield message;
        }
        throw new FailureError(failure('notLeader', 'the master ended the stream'));
      } catch (error) {
        if (this.#closed) return;
        const why = failureOf(error);
        if (!mayBeElsewhere(why.kind)) throw new FailureError(why);
        const waitMs = this.#leader.failed(error);
        if (this.#nowMs() + waitMs > giveUpAtMs) throw this.#noLeader(why.message);
        // Another leader counts its events anew.
        resume = '';
        await this.#sleep(waitMs);
      } finally {
        this.#watches.delete(stream);
        stream.on('error', () => undefined);
        stream.cancel();
      }
    }
  }

  /** Ends every watch, quietly, and closes its connections. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#watches) stream.cancel();
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  async #call<Req, Res>(
    method: (client: OperatorServiceClient) => UnaryMethod<Req, Res>,
    request: Req,
  ): Promise<Res> {
    const startedMs = this.#nowMs();
    for (;;) {
      const leftMs = startedMs + this.#timeoutMs - this.#nowMs();
      try {
        const response = await callUnary(method(this.#client()), request, {
          deadlineMs: Math.max(1, leftMs),
        });
        this.#leader.succeeded();
        return response;
      } catch (error) {
        const why = failureOf(error);
        if (this.#closed || !mayBeElsewhere(why.kind)) throw error;
        const waitMs = this.#leader.failed(error);
        if (this.#nowMs() - startedMs + waitMs > this.#timeoutMs) throw this.#noLeader(why.message);
        await this.#sleep(waitMs);
      }
    }
  }

  #client(): OperatorServiceClient {
    const address = this.#leader.current();
    const known = this.#clients.get(address);
    if (known !== undefined) return known;
    const client = new OperatorServiceClient(address, credentials.createInsecure(), channelOptions());
    this.#clients.set(address, client);
    return client;
  }

  #noLeader(reason: string): FailureError {
    return new FailureError(failure('notLeader', `no leader at ${this.#options.master}: ${reason}`));
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? timeoutDefaultMs;
  }

  #nowMs(): number {
    return this.#environment.clock.now();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#environment.timers.after(ms, resolve));
  }
}

function durationOf(ms: number): { readonly seconds: bigint; readonly nanos: number } {
  const seconds = Math.trunc(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

function mayBeElsewhere(kind: string): boolean {
  return kind === 'notLeader' || kind === 'fenced';
}
