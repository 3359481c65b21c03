import type { FrameworkId } from '@meseta/model';
import type { Agent } from '../agents/agent';

interface Asked {
  /** It has not answered. */
  isOpen: boolean;
  /** It is not asked again before. */
  refusedUntilMs: number;
}

/**
 * Which frameworks were asked to give up what they hold on agents that will not be available (A45): one question at a time for each framework and agent, asked again
 * when the answer's filter has ended.
 */
export class InverseOffers {
  private readonly asked = new Map<Agent, Map<FrameworkId, Asked>>();
  /** Agents with a window. They are few, so every turn looks at all of them. */
  private readonly scheduled = new Set<Agent>();
  private isMarked = false;

  /** Whether a turn is due because somebody may have to be asked. */
  get isDirty(): boolean {
    return this.isMarked && this.scheduled.size > 0;
  }

  mark(): void {
    this.isMarked = true;
  }

  /** The agents to look at in this turn. */
  takeAgents(): Iterable<Agent> {
    this.isMarked = false;
    return this.scheduled;
  }

  /** The agent's window changed: everybody is asked anew. */
  planned(agent: Agent, isPlanned: boolean): void {
    this.asked.delete(agent);
    if (isPlanned) this.scheduled.add(agent);
    else this.scheduled.delete(agent);
    this.isMarked = true;
  }

  /** Whether to ask now. Asking is counted at once. */
  ask(agent: Agent, frameworkId: FrameworkId, nowMs: number): boolean {
    let frameworks = this.asked.get(agent);
    if (frameworks === undefined) this.asked.set(agent, (frameworks = new Map<FrameworkId, Asked>()));
    const known = frameworks.get(frameworkId);
    if (known !== undefined && (known.isOpen || known.refusedUntilMs > nowMs)) return false;
    frameworks.set(frameworkId, { isOpen: true, refusedUntilMs: 0 });
    return true;
  }

  /** It answered, or the question was taken back; it is not asked again before a moment. */
  answered(agent: Agent, frameworkId: FrameworkId, refusedUntilMs: number): void {
    const known = this.asked.get(agent)?.get(frameworkId);
    if (known === undefined) return;
    known.isOpen = false;
    known.refusedUntilMs = refusedUntilMs;
    this.isMarked = true;
  }

  forgetAgent(agent: Agent): void {
    this.asked.delete(agent);
    this.scheduled.delete(agent);
  }

  /** A revival: what the framework answered is forgotten, and what it was asked is not (A44). */
  revive(frameworkId: FrameworkId): void {
    for (const frameworks of this.asked.values()) {
      const known = frameworks.get(frameworkId);
      if (known !== undefined) known.refusedUntilMs = 0;
    }
    this.isMarked = true;
  }

  /** The framework is away or gone: its questions are void. */
  forgetFramework(frameworkId: FrameworkId): void {
    for (const frameworks of this.asked.values()) frameworks.delete(frameworkId);
  }

  /** When somebody may be asked again, if it is after this moment. */
  nextAfter(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const frameworks of this.asked.values()) {
      for (const { isOpen, refusedUntilMs } of frameworks.values())
        if (!isOpen && refusedUntilMs > nowMs) next = Math.min(next ?? Infinity, refusedUntilMs);
    }
    return next;
  }
}
