// One master's term with the allocator: its stream, its state, its turns.

import { performance } from 'node:perf_hooks';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import {
  BatchWriter,
  toServiceError,
  type Clock,
  type Logger,
  type Span,
  type Timers,
  type Tracing,
} from '@meseta/kit';
import { nanosecondsOf, type FrameworkId, type Instant } from '@meseta/model';
import { failure, isFailure } from '@meseta/model';
import { resourcesToProto, type internal } from '@meseta/protocol';
import { commandOf } from './handlers/change';
import { setByRole, setDominantShares, setQuotas, type AllocatorMetrics, type QuotaSeries } from './metrics';
import type { InverseProposal, Proposal } from './state/effect';
import { explain, type RoleExplanation } from './state/explain';
import type { AllocatorOptions, AllocatorState } from './state/state';
import { initialState } from './state/initial-state';
import { hasWork, nextDeadline, step } from './state/step';

/** Proposals that may wait for a master that does not read; at the bound the stream ends, and a new snapshot heals all. */
export const proposalsQueuedMax = 100_000;
const proposalsPerMessageMax = 1000;

/** A proposal, and the last change that its turn knew of. */
interface Stamped {
  readonly version: bigint;
  readonly proposal: internal.Proposal;
}

type Stream = ServerDuplexStream<internal.AllocateRequest, internal.AllocateResponse>;

export interface SessionDeps {
  readonly options: AllocatorOptions;
  readonly turnGapMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: () => number;
  /** Hosts that may be offered; unset means all. */
  readonly whitelist?: () => ReadonlySet<string> | undefined;
  readonly tracing: Tracing;
  readonly metrics: AllocatorMetrics;
  readonly log: Logger;
}

export class Session {
  readonly term: number;
  readonly #deps: SessionDeps;
  readonly #stream: Stream;
  readonly #state: AllocatorState;
  readonly #proposals: BatchWriter<Stamped, readonly internal.AllocateResponse[]>;
  readonly #inverseProposals: BatchWriter<internal.InverseProposal, internal.AllocateResponse>;
  #version = 0n;
  #snapshotDone = false;
  #closed = false;
  #turnPlanned: (() => void) | undefined;
  #deadline: (() => void) | undefined;
  #interval: (() => void) | undefined;

  constructor(term: number, stream: Stream, deps: SessionDeps) {
    this.term = term;
    this.#deps = deps;
    this.#stream = stream;
    this.#state = initialState(deps.options);
    const bounds = {
      onDrain: (fn: () => void) => void stream.once('drain', fn),
      itemsPerMessageMax: proposalsPerMessageMax,
      itemsQueuedMax: proposalsQueuedMax,
      observer: deps.metrics.streams.observer('proposals'),
      onOverflow: () => this.end('overloaded', 'the master does not read its proposals'),
    };
    this.#proposals = new BatchWriter<Stamped, readonly internal.AllocateResponse[]>({
      ...bounds,
      write: (messages) => messages.map((message) => stream.write(message)).every((isRoom) => isRoom),
      // Changes may arrive between a turn and the end of the loop's, when this is written: the master must not take them for considered.
      toMessage: (stamped) =>
        byVersion(stamped).map(([version, proposals]) => ({
          term: BigInt(term),
          version,
          proposals,
          inverseProposals: [],
        })),
    });
    this.#inverseProposals = new BatchWriter<internal.InverseProposal, internal.AllocateResponse>({
      ...bounds,
      write: (message) => stream.write(message),
      toMessage: (inverseProposals) => ({
        term: BigInt(term),
        version: this.#version,
        proposals: [],
        inverseProposals,
      }),
    });
    this.limitTo(deps.whitelist?.());
    this.#planInterval();
  }

  /** Only agents on these hosts may be offered; undefined means on any. */
  limitTo(hostnames: ReadonlySet<string> | undefined): void {
    step(this.#state, { kind: 'whitelistChanged', hostnames }, this.#deps.clock.now());
    this.#planTurn();
  }

  /** Applies a message of the master. */
  receive(request: internal.AllocateRequest): void {
    if (this.#closed) return;
    const now = this.#deps.clock.now();
    for (const change of request.changes) {
      const command = commandOf(change);
      if (isFailure(command)) return this.end('invalid', command.message);
      step(this.#state, command, now);
    }
    this.#deps.metrics.changes.inc(request.changes.length);
    this.#version = request.version;
    if (!request.snapshot) this.#snapshotDone = true;
    if (hasWork(this.#state)) this.#planTurn();
  }

  explain(frameworkId: FrameworkId, role: string): readonly RoleExplanation[] | undefined {
    return explain(this.#state, frameworkId, role, this.#deps.clock.now());
  }

  /** Ends the term: the stream closes with a status that says why. */
  end(kind: 'fenced' | 'invalid' | 'overloaded', message: string): void {
    if (this.#closed) return;
    this.#deps.log.warn({ term: this.term }, `session ended: ${message}`);
    this.close();
    this.#stream.emit('error', toServiceError(failure(kind, message)));
  }

  /** Stops turning; the stream is the caller's to end. */
  close(): void {
    this.#closed = true;
    for (const cancel of [this.#turnPlanned, this.#deadline, this.#interval]) cancel?.();
  }

  /** Refreshes the gauges that are read from the state. */
  observe(): void {
    const { metrics } = this.#deps;
    metrics.agents.set(this.#state.agents.size);
    metrics.frameworks.set(this.#state.frameworks.size);
    metrics.filters.set(this.#state.refusals.filters.size);
    const byRole = new Map<string, number>();
    for (const { id, role } of this.#state.seats.all()) {
      const count = this.#state.refusals.filters.countOf(id);
      byRole.set(role.path, (byRole.get(role.path) ?? 0) + count);
    }
    setByRole(metrics.filtersByRole, byRole);
    setQuotas(metrics, quotaSeriesOf(this.#state));
    const shares = [...this.#state.shares.knownRoles()].map(({ path, rank }) => [path, rank.share] as const);
    setDominantShares(metrics, shares);
  }

  /** How many proposals wait. */
  get queued(): number {
    return this.#proposals.queued + this.#inverseProposals.queued;
  }

  #planTurn(): void {
    if (!this.#snapshotDone || this.#turnPlanned !== undefined) return;
    const plannedMs = performance.now();
    this.#turnPlanned = this.#deps.timers.after(this.#deps.turnGapMs, () => {
      this.#turnPlanned = undefined;
      this.#deps.metrics.turnWaitSeconds.observe((performance.now() - plannedMs) / 1000);
      this.#turn(false);
    });
  }

  #planInterval(): void {
    this.#interval = this.#deps.timers.after(this.#deps.options.allocationIntervalMs, () => {
      if (this.#snapshotDone) this.#turn(true);
      this.#planInterval();
    });
  }

  #planDeadline(now: Instant): void {
    this.#deadline?.();
    this.#deadline = undefined;
    const at = nextDeadline(this.#state, now);
    if (at !== undefined)
      this.#deadline = this.#deps.timers.after(Math.max(0, at - now), () => this.#turn(false));
  }

  #turn(everyAgent: boolean): void {
    if (this.#closed) return;
    const { clock, metrics, random } = this.#deps;
    const now = clock.now();
    const startedMs = performance.now();
    const seed = Math.floor(random() * 2 ** 32);
    for (const effect of step(this.#state, { kind: 'allocate', everyAgent, seed }, now)) {
      if (effect.kind === 'propose') this.#propose(effect.proposals, now);
      else this.#proposeInverse(effect.proposals);
    }
    metrics.turnSeconds.observe((performance.now() - startedMs) / 1000);
    this.#planDeadline(now);
  }

  #propose(proposals: readonly Proposal[], now: Instant): void {
    this.#deps.metrics.proposals.inc(proposals.length);
    for (const proposal of proposals) {
      const span = this.#span(proposal, now);
      this.#proposals.push({
        version: this.#version,
        proposal: {
          frameworkId: { value: proposal.frameworkId },
          role: proposal.role,
          agentId: { value: proposal.agentId },
          resources: resourcesToProto(proposal.resources),
          allocatedAtMs: BigInt(now),
          traceparent: span?.traceparent ?? '',
          tasks: proposal.tasks && { counts: Object.fromEntries(proposal.tasks) },
        },
      });
      span?.end();
    }
  }

  #proposeInverse(proposals: readonly InverseProposal[]): void {
    for (const { frameworkId, agentId, unavailability } of proposals) {
      const { startMs, durationMs } = unavailability;
      this.#inverseProposals.push({
        frameworkId: { value: frameworkId },
        agentId: { value: agentId },
        unavailability: {
          start: { nanoseconds: nanosecondsOf(startMs) },
          ...(durationMs !== undefined && { duration: { nanoseconds: nanosecondsOf(durationMs) } }),
        },
      });
    }
  }

  /** Each proposal begins a trace: one offer's way is one trace. */
  #span({ frameworkId, agentId, role }: Proposal, now: Instant): Span | undefined {
    if (!this.#deps.tracing.enabled) return undefined;
    const attributes = { 'framework.id': frameworkId, 'agent.id': agentId, role };
    return this.#deps.tracing.start('allocator.allocate', { attributes, startMs: now });
  }
}

/** Runs of proposals that know the same changes. */
function byVersion(stamped: readonly Stamped[]): readonly (readonly [bigint, internal.Proposal[]])[] {
  const runs: [bigint, internal.Proposal[]][] = [];
  for (const { version, proposal } of stamped) {
    const last = runs[runs.length - 1];
    if (last?.[0] === version) last[1].push(proposal);
    else runs.push([version, [proposal]]);
  }
  return runs;
}

/** What each role with a quota is sure of, may have and has, in the resource's unit. */
function quotaSeriesOf({ quotas, names }: AllocatorState): readonly QuotaSeries[] {
  const series: QuotaSeries[] = [];
  for (const role of quotas.list()) {
    for (const [name, milli] of role.quota?.guarantees ?? [])
      series.push({ role: role.path, resource: names.nameOf(name), kind: 'guarantee', amount: milli / 1000 });
    for (const [name, milli] of role.quota?.limits ?? [])
      series.push({ role: role.path, resource: names.nameOf(name), kind: 'limit', amount: milli / 1000 });
    const named = new Set([...(role.quota?.guarantees.keys() ?? []), ...(role.quota?.limits.keys() ?? [])]);
    for (const name of named)
      series.push({
        role: role.path,
        resource: names.nameOf(name),
        kind: 'consumed',
        amount: quotas.consumed(role, name) / 1000,
      });
  }
  return series;
}
