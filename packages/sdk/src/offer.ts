import { FailureError } from '@meseta/kit';
import { type Resources, failure, isFailure, type Attribute, type Domain } from '@meseta/model';
import {
  ExecutorInfo_Type,
  Offer_Operation_Type,
  attributesFromProto,
  domainFromProto,
  resourcesFromProto,
  resourcesToProto,
  type Offer as OfferMessage,
  type Offer_Operation,
  type TaskInfo,
} from '@meseta/protocol';
import { durationMsOf, type Duration } from './framework-options';
import { pick } from './resource-pick';
import type { Task } from './task';
import { networkedContainer, type NetworkSpec } from './task-network';
import { placeTask, resourcesOf, taskInfoOf, type TaskSpec } from './task-spec';

/** What an offer can ask of its scheduler. */
export interface OfferPort {
  newId(): string;
  /** Makes the handle of a task that is about to be launched. Throws if its id is in use. */
  adopt(info: TaskInfo, offer: Offer): Task;
  accept(offer: Offer, operations: readonly Offer_Operation[], refuseMs: number | undefined): Promise<void>;
  decline(offer: Offer, refuseMs: number | undefined): Promise<void>;
}

/** Tasks that start and end together. */
export interface GroupSpec extends NetworkSpec {
  /** Names the executor; groups of the same name on one agent share it. */
  readonly name: string;
  readonly tasks: readonly TaskSpec[];
  /** What the executor itself holds, beside its tasks; a little of everything if unset. */
  readonly resources?: string | Resources;
}

/** The least that an executor of a group may have. */
const groupResourcesDefault = 'cpus:0.01;mem:32;disk:1';

/** How what an offer has left over is given back. */
export interface AcceptOptions {
  /** How long what is left over shall not be offered again: milliseconds or text as `5m`; the master's 5 s if unset. */
  readonly refuseFor?: Duration;
}

type Fate = 'open' | 'deciding' | 'accepted' | 'declined' | 'rescinded';

/**
 * What one agent has for the framework, in one role. Launch on it, or decline it: as long as neither is done nobody
 * else is offered these resources.
 *
 * Several launches of one turn of the loop, or several tasks in one launch, share the offer; what they leave goes back.
 */
export class Offer {
  readonly id: string;
  readonly agentId: string;
  readonly hostname: string;
  /** The role that it is made to. */
  readonly role: string;
  /** All that was offered. */
  readonly resources: Resources;
  readonly attributes: readonly Attribute[];
  /** Where the agent is; undefined for one that does not say, which is in the masters' region. */
  readonly domain: Domain | undefined;
  /** The message itself, for what this has no word for. */
  readonly message: OfferMessage;
  readonly #port: OfferPort;
  #remaining: Resources;
  #fate: Fate = 'open';
  #operations: Offer_Operation[] = [];
  #launches: TaskInfo[] = [];
  #refuseMs: number | undefined;
  #sent: Promise<void> | undefined;

  /** Offers are made by the scheduler. Throws a `FailureError` for a message whose resources cannot be read. */
  constructor(message: OfferMessage, port: OfferPort) {
    const resources = resourcesFromProto(message.resources);
    if (isFailure(resources)) throw new FailureError(resources);
    const attributes = attributesFromProto(message.attributes);
    if (isFailure(attributes)) throw new FailureError(attributes);
    const domain = domainFromProto('domain', message.domain);
    if (isFailure(domain)) throw new FailureError(domain);
    this.id = message.id?.value ?? '';
    this.agentId = message.agentId?.value ?? '';
    this.hostname = message.hostname ?? '';
    this.role = message.allocationInfo?.role ?? resources.entries[0]?.allocationRole ?? '*';
    this.resources = resources;
    this.attributes = attributes;
    this.domain = domain;
    this.message = message;
    this.#remaining = resources;
    this.#port = port;
  }

  /** Whether it was taken back: by the master, by the end of the subscription, or because its agent is gone. */
  get rescinded(): boolean {
    return this.#fate === 'rescinded';
  }

  /** Whether it can still be launched on or declined. */
  get open(): boolean {
    return this.#fate === 'open' || this.#fate === 'deciding';
  }

  /** What the launches of this turn have left. */
  get remaining(): Resources {
    return this.#remaining;
  }

  /** Whether `cpus:0.1;mem:32` fits into what is left. Text that is not resources throws a `FailureError`. */
  fits(wanted: string | Resources): boolean {
    return this.open && pick(this.#remaining, resourcesOf(wanted)) !== undefined;
  }

  /** Gives it back. `for` says how long this agent's resources shall not be offered again; the master's 5 s if unset. */
  decline(options: { readonly for?: Duration } = {}): void {
    if (this.#fate !== 'open') return;
    this.#fate = 'declined';
    // An offer that could not be declined is void already: there is nothing to tell its author.
    this.#port.decline(this, refuseMsOf(options.for)).catch(() => undefined);
  }

  /**
   * Launches a task, or several. Resolves when the master has taken the call; whether a task then runs is told by its
   * handle. Rejects with a `FailureError`: `conflict` when the offer is no longer open, `invalid` when a task is wrong or
   * asks for more than is left.
   */
  launch(task: TaskSpec, options?: AcceptOptions): Promise<Task>;
  launch(tasks: readonly TaskSpec[], options?: AcceptOptions): Promise<readonly Task[]>;
  async launch(
    specs: TaskSpec | readonly TaskSpec[],
    options: AcceptOptions = {},
  ): Promise<Task | readonly Task[]> {
    const many = isMany(specs);
    const list = many ? specs : [specs];
    this.#checkOpen();
    const { infos, left } = this.#place(list);
    const refuseMs = refuseMsOf(options.refuseFor);
    const tasks = infos.map((info) => this.#port.adopt(info, this));
    this.#remaining = left;
    this.#launches.push(...infos);
    await this.#decide(refuseMs);
    const [first] = tasks;
    if (many || first === undefined) return tasks;
    return first;
  }

  /**
   * Launches tasks that start together or not at all, and end together: one executor of the agent's own runs them, and shares its sandbox and
   * network with them. Resolves and rejects like {@link launch}.
   */
  async launchGroup(group: GroupSpec, options: AcceptOptions = {}): Promise<readonly Task[]> {
    this.#checkOpen();
    const own = pick(this.#remaining, resourcesOf(group.resources ?? groupResourcesDefault));
    if (own === undefined)
      throw new FailureError(
        failure('invalid', `group ${group.name}: its executor does not fit what offer ${this.id} has left`),
      );
    const before = this.#remaining;
    this.#remaining = before.subtract(own);
    let placed: { infos: TaskInfo[]; left: Resources };
    try {
      placed = this.#place(group.tasks);
    } catch (error) {
      this.#remaining = before;
      throw error;
    }
    const tasks = placed.infos.map((info) => this.#port.adopt(info, this));
    this.#remaining = placed.left;
    this.#operations.push({
      type: Offer_Operation_Type.LAUNCH_GROUP,
      launchGroup: {
        executor: {
          type: ExecutorInfo_Type.DEFAULT,
          executorId: { value: group.name },
          container: networkedContainer(group),
          resources: resourcesToProto(own),
        },
        taskGroup: { tasks: placed.infos },
      },
    });
    await this.#decide(refuseMsOf(options.refuseFor));
    return tasks;
  }

  /** Does what the operations say, in order, before what is launched: for reservations, volumes and the like. */
  async accept(operations: readonly Offer_Operation[], options: AcceptOptions = {}): Promise<void> {
    this.#checkOpen();
    this.#operations.push(...operations);
    await this.#decide(refuseMsOf(options.refuseFor));
  }

  /** The scheduler heard that it is void. */
  rescind(): void {
    if (this.open) this.#fate = 'rescinded';
  }

  #checkOpen(): void {
    if (this.open) return;
    throw new FailureError(failure('conflict', `offer ${this.id} was ${this.#fate} already`));
  }

  /** Finds place for all of them or throws: half of a launch is never sent. */
  #place(specs: readonly TaskSpec[]): { infos: TaskInfo[]; left: Resources } {
    let left = this.#remaining;
    const infos = specs.map((spec) => {
      const wanted = resourcesOf(spec.resources);
      const picked = pick(left, wanted);
      if (wanted.isEmpty)
        throw new FailureError(failure('invalid', `task ${spec.name}: resources must not be empty`));
      if (picked === undefined) {
        const message = `task ${spec.name} wants ${wanted.toString()}, but offer ${this.id} has ${left.unallocate().toString() || 'nothing'} left`;
        throw new FailureError(failure('invalid', message, { field: 'resources' }));
      }
      left = left.subtract(picked);
      return placeTask(
        taskInfoOf(spec, () => this.#port.newId()),
        this.agentId,
        picked,
      );
    });
    return { infos, left };
  }

  /** Sends the decision at the end of this turn: until then more launches may join it. */
  #decide(refuseMs: number | undefined): Promise<void> {
    if (refuseMs !== undefined) this.#refuseMs = refuseMs;
    this.#fate = 'deciding';
    this.#sent ??= new Promise((resolve, reject) => {
      setImmediate(() => void this.#send().then(resolve, reject));
    });
    return this.#sent;
  }

  async #send(): Promise<void> {
    if (this.#fate !== 'deciding') this.#checkOpen();
    this.#fate = 'accepted';
    const launch: Offer_Operation[] =
      this.#launches.length === 0
        ? []
        : [{ type: Offer_Operation_Type.LAUNCH, launch: { taskInfos: this.#launches } }];
    await this.#port.accept(this, [...this.#operations, ...launch], this.#refuseMs);
  }
}

function isMany(specs: TaskSpec | readonly TaskSpec[]): specs is readonly TaskSpec[] {
  return Array.isArray(specs);
}

function refuseMsOf(duration: Duration | undefined): number | undefined {
  const ms = duration === undefined ? undefined : durationMsOf(duration);
  if (isFailure(ms)) throw new FailureError(ms);
  return ms;
}
