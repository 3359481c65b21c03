import type { AgentId } from '@meseta/model';
import { DenseIds } from '../dense-ids';
import type { Agent } from './agent';

/** Every agent, by id and by number, and those on which something changed since the last turn. */
export class AgentTable {
  private readonly ids = new DenseIds();
  private readonly byId = new Map<AgentId, Agent>();
  private readonly byIndex: (Agent | undefined)[] = [];
  private dirty: Agent[] = [];
  private everyIsDirty = false;

  get size(): number {
    return this.byId.size;
  }

  /** All numbers of agents are below it. */
  get indexBound(): number {
    return this.ids.bound;
  }

  find(id: AgentId): Agent | undefined {
    return this.byId.get(id);
  }

  byNumber(index: number): Agent {
    return this.byIndex[index] as Agent;
  }

  all(): Iterable<Agent> {
    return this.byId.values();
  }

  /** The number that the next agent has. */
  takeIndex(): number {
    return this.ids.take();
  }

  add(agent: Agent): void {
    this.byId.set(agent.id, agent);
    this.byIndex[agent.index] = agent;
  }

  remove(agent: Agent): void {
    this.byId.delete(agent.id);
    this.byIndex[agent.index] = undefined;
    this.ids.giveBack(agent.index);
  }

  /** The agent is looked at in the next turn. */
  mark(agent: Agent): void {
    if (agent.isDirty) return;
    agent.isDirty = true;
    this.dirty.push(agent);
  }

  /** Every agent is. */
  markEvery(): void {
    this.everyIsDirty = true;
  }

  get hasDirty(): boolean {
    return this.everyIsDirty || this.dirty.length > 0;
  }

  /** Those to be looked at now; nobody is marked any more. */
  takeDirty(everyAgent: boolean): readonly Agent[] {
    const every = everyAgent || this.everyIsDirty;
    const { dirty } = this;
    this.dirty = [];
    this.everyIsDirty = false;
    for (const agent of dirty) agent.isDirty = false;
    if (every) return [...this.byId.values()];
    return dirty.filter((agent) => this.byIndex[agent.index] === agent);
  }
}
