import { isFailure, type Instant } from '@meseta/model';
import {
  commandOf,
  defaultOptions,
  hasWork,
  initialState,
  nextDeadline,
  step,
  type AllocatorState,
} from '@meseta/allocator/core';
import type { InverseProposal, Proposal } from '@meseta/master/core';
import type { internal } from '@meseta/protocol';
import type { Cancel, Time } from './agenda';
import type { End, Network, NodeId } from './network';
import type { Random } from './random';

/** What a master tells the allocator in one turn. */
export interface AllocatorSaid {
  readonly term: number;
  readonly items: readonly {
    readonly version: number;
    readonly snapshot: boolean;
    /** Unset: the snapshot ends. */
    readonly change: internal.AllocationChange | undefined;
  }[];
}

export type AllocatorTold =
  | { readonly kind: 'welcome' }
  | { readonly kind: 'proposals'; readonly version: number; readonly proposals: readonly Proposal[] }
  | { readonly kind: 'inverseProposals'; readonly proposals: readonly InverseProposal[] };

/** How long changes are gathered, and how often every agent is looked at. */
const turnGapMs = 2;
const { allocationIntervalMs } = defaultOptions;

export interface AllocatorNodeDeps {
  readonly agenda: Time;
  readonly network: Network;
  readonly random: Random;
}

/** The allocator: one master's term at a time, the real core, and nothing that survives it. */
export class AllocatorNode {
  up = false;
  #session: AllocatorSession | undefined;

  constructor(
    readonly id: NodeId,
    private readonly deps: AllocatorNodeDeps,
  ) {}

  start(): void {
    this.up = true;
    this.deps.network.listen(this.id, 'allocate', (end) =>
      this.#serve(end as unknown as End<AllocatorSaid, AllocatorTold>),
    );
  }

  crash(silent: boolean): void {
    this.up = false;
    this.#session?.end();
    this.#session = undefined;
    this.deps.network.down(this.id, silent);
  }

  get state(): AllocatorState | undefined {
    return this.#session?.state;
  }

  #serve(end: End<AllocatorSaid, AllocatorTold>): void {
    end.send({ kind: 'welcome' });
    let session: AllocatorSession | undefined;
    end.onMessage = (said) => {
      if (session === undefined) {
        // A stream of a higher term ends the one before; one of a lower term is refused.
        if (this.#session !== undefined && this.#session.term > said.term) return end.close();
        this.#session?.end();
        session = new AllocatorSession(said.term, end, this.deps);
        this.#session = session;
      }
      session.receive(said);
    };
    end.onEnd = () => {
      session?.end();
      if (this.#session === session) this.#session = undefined;
    };
  }
}

class AllocatorSession {
  readonly state: AllocatorState;
  #version = 0;
  #complete = false;
  #planned = false;
  #over = false;
  #cancels: Cancel[] = [];
  #deadlineAt: Instant | undefined;
  #cancelDeadline: Cancel | undefined;

  constructor(
    readonly term: number,
    private readonly peer: End<AllocatorSaid, AllocatorTold>,
    private readonly deps: AllocatorNodeDeps,
  ) {
    this.state = initialState(defaultOptions);
    this.#everySecond();
  }

  receive({ items }: AllocatorSaid): void {
    if (this.#over) return;
    for (const { version, change } of items) {
      this.#version = version;
      if (change === undefined) {
        this.#complete = true;
        continue;
      }
      const command = commandOf(change);
      if (isFailure(command)) throw new Error(`the allocator cannot read a change: ${command.message}`);
      step(this.state, command, this.deps.agenda.now);
    }
    this.#plan();
  }

  end(): void {
    this.#over = true;
    this.peer.close();
    for (const cancel of this.#cancels) cancel();
  }

  #everySecond(): void {
    this.#after(allocationIntervalMs, () => {
      this.#allocate(true);
      this.#everySecond();
    });
  }

  #plan(): void {
    if (this.#planned || !this.#complete || !hasWork(this.state)) return;
    this.#planned = true;
    this.#after(turnGapMs, () => {
      this.#planned = false;
      this.#allocate(false);
    });
  }

  #allocate(everyAgent: boolean): void {
    if (!this.#complete) return;
    const { agenda, random } = this.deps;
    const now = agenda.now;
    const effects = step(this.state, { kind: 'allocate', everyAgent, seed: random.int(0, 2 ** 31) }, now);
    for (const effect of effects) {
      if (effect.kind === 'proposeInverse') {
        const proposals = effect.proposals.map(({ frameworkId, agentId, unavailability }) => ({
          frameworkId,
          agentId,
          startMs: unavailability.startMs,
        }));
        this.peer.send({ kind: 'inverseProposals', proposals });
        continue;
      }
      this.peer.send({
        kind: 'proposals',
        version: this.#version,
        proposals: effect.proposals.map((one) => ({
          frameworkId: one.frameworkId,
          role: one.role,
          agentId: one.agentId,
          resources: one.resources,
          allocatedAtMs: now,
          traceparent: '',
          tasks: one.tasks ?? new Map(),
        })),
      });
    }
    this.#planDeadline(now);
  }

  #planDeadline(now: Instant): void {
    const at = nextDeadline(this.state, now);
    if (at === this.#deadlineAt) return;
    this.#cancelDeadline?.();
    this.#deadlineAt = at;
    if (at === undefined) return;
    this.#cancelDeadline = this.deps.agenda.after(Math.max(1, at - now), () => {
      this.#deadlineAt = undefined;
      if (!this.#over) this.#allocate(false);
    });
  }

  #after(ms: number, fn: () => void): void {
    if (this.#cancels.length > 64) this.#cancels = this.#cancels.slice(-16);
    this.#cancels.push(
      this.deps.agenda.after(ms, () => {
        if (!this.#over) fn();
      }),
    );
  }
}
