import { nanosecondsOf } from '@meseta/model';
import type { Command } from '@meseta/master/core';
import type { Agenda } from './agenda';
import type { AgentNode } from './agent-node';
import type { MasterNode } from './master-node';

/** Who takes machines out and puts them back: what is not heard is said again. */
export class Operator {
  constructor(
    private readonly agenda: Agenda,
    private readonly agents: readonly AgentNode[],
    private readonly leader: () => MasterNode | undefined,
  ) {}

  deactivate(node: AgentNode): void {
    this.#say(node, (agentId, call) => ({ kind: 'deactivateAgent', call, agentId }));
  }

  drain(node: AgentNode, graceMaxMs: number, markGone: boolean): void {
    this.#say(node, (agentId, call) => ({ kind: 'drainAgent', call, agentId, graceMaxMs, markGone }));
  }

  markGone(node: AgentNode): void {
    this.#say(node, (agentId, call) => ({ kind: 'markAgentGone', call, agentId }));
  }

  activate(node: AgentNode): void {
    this.#say(node, (agentId, call) => ({ kind: 'reactivateAgent', call, agentId }));
  }

  /** Plans that the machine will be away, beside what is planned already. */
  plan(node: AgentNode, inMs: number): void {
    const { state } = this.leader() ?? {};
    if (state === undefined) return;
    const start = { nanoseconds: nanosecondsOf(this.agenda.now + inMs) };
    const window = { machines: [machineOf(node)], unavailability: { start } };
    const others = state.maintenance.windows.filter(
      ({ machines: [machine] }) => machine?.hostname !== node.id,
    );
    this.#submit({ kind: 'updateSchedule', call, windows: [...others, window] });
  }

  takeDown(node: AgentNode): void {
    this.#submit({ kind: 'startMaintenance', call, machines: [machineOf(node)] });
  }

  /** The maintenance is over: the machine may be used again, and its agent is started. */
  bringUp(node: AgentNode): void {
    this.#submit({ kind: 'stopMaintenance', call, machines: [machineOf(node)] });
    this.putBack(node);
  }

  /** Starts an agent that ended because a master refused it; a machine whose agent is gone begins with an empty disk. */
  putBack(node: AgentNode): void {
    if (node.refused === undefined) return;
    if (node.refused.includes('marked gone')) node.replace();
    node.refused = undefined;
    node.start();
  }

  /** Says whatever is needed so that all machines are in use. */
  putAllBack(): void {
    const state = this.leader()?.state;
    if (state === undefined) return;
    const down = [...state.maintenance.down.values()];
    if (down.length > 0) this.#submit({ kind: 'stopMaintenance', call, machines: down });
    else if (state.maintenance.windows.length > 0)
      this.#submit({ kind: 'updateSchedule', call, windows: [] });
    for (const { id, deactivated } of state.agents.values())
      if (deactivated) this.#submit({ kind: 'reactivateAgent', call, agentId: id });
    // One that was given an id and never heard of it will not come back by that name.
    for (const { id, membership } of state.agents.values())
      if (membership === 'unreachable' && !this.agents.some((node) => node.state?.agentId === id))
        this.#submit({ kind: 'markAgentGone', call, agentId: id });
    if (down.length === 0) for (const node of this.agents) this.putBack(node);
  }

  #say(node: AgentNode, command: (agentId: AgentIdOf, call: number) => Command): void {
    const agentId = node.state?.agentId;
    if (agentId !== undefined) this.#submit(command(agentId, call));
  }

  #submit(command: Command): void {
    this.leader()?.term?.submit(command);
  }
}

type AgentIdOf = NonNullable<NonNullable<AgentNode['state']>['agentId']>;

/** Nobody waits for an answer. */
const call = -1;

function machineOf({ id }: AgentNode): { readonly hostname: string; readonly ip: string } {
  return { hostname: id, ip: '' };
}
