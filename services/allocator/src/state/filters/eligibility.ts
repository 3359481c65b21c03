import { constraintsRefuse } from '@meseta/model';
import type { Agent } from '../agents/agent';
import { BitRows } from '../bit-rows';
import type { Seat } from '../roles/seat';

/**
 * Which seats can never be offered anything of an agent as both are now: gpus are for who asks for them (S42), other regions for who spans them (S47), and frameworks say
 * which agents they want to hear of (S95). Worked out when an agent or a framework changes, and kept as bits.
 */
export class Eligibility {
  private readonly excluded = new BitRows();
  /** Seats that look at every agent, and agents that every seat is asked about. */
  private readonly choosy = new Set<Seat>();
  private readonly special = new Set<Agent>();

  constructor(private readonly filterGpus: boolean) {}

  reserve(agents: number, seats: number): void {
    this.excluded.reserve(agents, seats);
  }

  word(agent: Agent, word: number): number {
    return this.excluded.word(agent.index, word);
  }

  excludes(agent: Agent, seat: Seat): boolean {
    return this.excluded.has(agent.index, seat.id);
  }

  /** An agent came, or is not what it was. */
  agentChanged(agent: Agent, seats: Iterable<Seat>): void {
    const wasSpecial = this.special.delete(agent);
    if ((agent.hasGpus && this.filterGpus) || agent.isRemote) this.special.add(agent);
    if (wasSpecial || this.special.has(agent)) {
      this.excluded.clearRow(agent.index);
      for (const seat of seats) this.judge(agent, seat);
    } else for (const seat of this.choosy) this.judge(agent, seat);
  }

  agentRemoved(agent: Agent): void {
    this.special.delete(agent);
    this.excluded.clearRow(agent.index);
  }

  /** A seat came, or its framework is not what it was. */
  seatChanged(seat: Seat, agents: Iterable<Agent>): void {
    const wasChoosy = this.choosy.delete(seat);
    if (seat.framework?.constraints.has(seat.role.path) === true) this.choosy.add(seat);
    const all = wasChoosy || this.choosy.has(seat);
    for (const agent of all ? agents : this.special) this.judge(agent, seat);
  }

  /** The seat's number will be another's. */
  seatRemoved(seat: Seat, agents: Iterable<Agent>): void {
    const all = this.choosy.delete(seat);
    for (const agent of all ? agents : this.special) this.excluded.clear(agent.index, seat.id);
  }

  /** Why, in words; the same rules as the bits. */
  why(
    agent: Agent,
    { framework, role }: Seat,
  ): { readonly filter: string; readonly reason: string } | undefined {
    if (framework === undefined) return undefined;
    if (this.filterGpus && agent.hasGpus && !framework.capabilities.has('GPU_RESOURCES'))
      return {
        filter: 'gpus',
        reason: 'the agent has gpus and the framework lacks the capability GPU_RESOURCES',
      };
    if (agent.isRemote && !framework.capabilities.has('REGION_AWARE'))
      return {
        filter: 'region',
        reason: `the agent is in region ${agent.domain?.region ?? ''} and the framework lacks the capability REGION_AWARE`,
      };
    const constraints = framework.constraints.get(role.path);
    const refused = constraints === undefined ? undefined : constraintsRefuse(constraints, agent);
    return refused === undefined
      ? undefined
      : { filter: 'constraints', reason: `the framework's constraints: ${refused}` };
  }

  private judge(agent: Agent, seat: Seat): void {
    if (this.why(agent, seat) === undefined) this.excluded.clear(agent.index, seat.id);
    else this.excluded.set(agent.index, seat.id);
  }
}
