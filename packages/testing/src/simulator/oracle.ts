import { assert, isFailure, isTerminal, type TaskState } from '@meseta/model';
import type { Command as AgentCommand, Effect as AgentEffect, AgentState } from '@meseta/agent/core';
import { checkInvariants, type Command, type Effect, type MasterState } from '@meseta/master/core';
import { resourcesFromProto, TaskStatus_Reason, type TaskStatus } from '@meseta/protocol';
import type { AgentNode, AgentObserver } from './agent-node';
import type { Chronicle } from './chronicle';
import type { SimContainer } from './containers';
import type { FrameworkNode, FrameworkObserver } from './framework-node';
import type { MasterNode, MasterObserver } from './master-node';

/**
 * Sees every step of every node and says at once when a promise is broken. What it knows of the whole, no node knows.
 *
 * I1. A resource is in at most one offer or task, on the master's ledger (M4, M5).
 * I2. No machine runs more than it has, whatever any ledger says.
 * I3. What an agent's records hold is not more than it has.
 * I4. A task that ended does not change its end, for master, agent or a framework with PARTITION_AWARE.
 * I5. A container that runs has a record on its agent, until its end was acknowledged.
 * I6. A framework sees the updates of a task in the order in which they were made, without a gap.
 * I7. Nothing is done for a lower term by who has seen a higher one; terms never go back.
 * I8. No task is started twice.
 */
export class Oracle implements MasterObserver, AgentObserver, FrameworkObserver {
  /** How many times something was checked. */
  checks = 0;
  readonly #ledgers = new WeakMap<MasterState, Map<string, Fingerprint>>();
  readonly #ends = new Map<string, TaskState>();
  readonly #terms = new Map<string, number>();
  /** Statuses of a turn that is not durable yet: if the agent dies now, they never were. */
  readonly #undecided = new Map<string, StatusEffect[]>();
  readonly #durableTerms = new Map<string, number>();
  readonly #starts = new Map<string, number>();
  /** The uuids of a task's updates, in the order in which its agent made them. */
  readonly #made = new Map<string, string[]>();
  readonly #told = new Map<string, TaskState>();

  constructor(private readonly chronicle: Chronicle) {}

  masterStepped(node: MasterNode, state: MasterState, command: Command, effects: readonly Effect[]): void {
    this.chronicle.master(node.id, command, effects);
    this.checks += 1;
    if (this.#changed(state)) checkInvariants(state);
    if (command.kind === 'statusUpdate') {
      const task = state.frameworks.get(command.frameworkId)?.tasks.get(command.taskId);
      if (task !== undefined)
        this.#keepsItsEnd(
          `master term ${state.term}`,
          `${command.frameworkId}/${command.taskId}`,
          task.state,
        );
    }
  }

  agentStepped(
    node: AgentNode,
    state: AgentState,
    command: AgentCommand,
    effects: readonly AgentEffect[],
  ): void {
    this.chronicle.agent(node.id, command, effects);
    this.checks += 1;
    // What was not yet durable when the agent died was not obeyed either: nothing was let out.
    if (command.kind === 'configured') this.#terms.set(node.id, this.#durableTerms.get(node.id) ?? 0);
    const seen = this.#terms.get(node.id) ?? 0;
    assert(state.term >= seen, `I7: agent ${node.id} obeyed term ${seen} and is back at ${state.term}`);
    if (command.kind === 'masterSaid' && command.term < seen) {
      const done = effects.filter(({ kind }) => kind !== 'closeSession');
      assert(
        done.length === 0,
        `I7: agent ${node.id}, of term ${seen}, did ${done[0]?.kind ?? ''} for ${command.term}`,
      );
    }
    this.#terms.set(node.id, state.term);
    if (command.kind === 'configured') this.#undecided.delete(node.id);
    for (const effect of effects) {
      if (effect.kind !== 'status' || effect.key === undefined) continue;
      const statuses = this.#undecided.get(node.id) ?? [];
      statuses.push(effect);
      this.#undecided.set(node.id, statuses);
    }
    if (command.kind === 'masterSaid' || command.kind === 'recovered') this.#holdings(node, state);
  }

  agentCommitted(node: AgentNode, state: AgentState): void {
    this.#durableTerms.set(node.id, state.term);
    for (const { frameworkId, taskId, status, latestState } of this.#undecided.get(node.id) ?? []) {
      const name = `${frameworkId}/${taskId}`;
      const made = this.#made.get(name) ?? [];
      if (!made.includes(status.uuid)) made.push(status.uuid);
      this.#made.set(name, made);
      this.#keepsItsEnd(`agent ${node.id}`, name, latestState);
    }
    this.#undecided.delete(node.id);
  }

  machineReplaced(node: AgentNode): void {
    this.#terms.delete(node.id);
    this.#durableTerms.delete(node.id);
    this.#undecided.delete(node.id);
  }

  containerStarted(node: AgentNode, container: SimContainer): void {
    this.checks += 1;
    const starts = (this.#starts.get(container.key) ?? 0) + 1;
    this.#starts.set(container.key, starts);
    assert(starts === 1, `I8: ${container.key} was started ${starts} times, now on ${node.id}`);
    const has = node.deps.total.scalarMilli('cpus');
    const runs = node.containers.runningMilli;
    assert(runs <= has, `I2: machine ${node.id} runs ${runs / 1000} cpus and has ${has / 1000}`);
    const { state } = node;
    if (state !== undefined)
      assert(state.tasks.has(container.key), `I5: ${container.key} runs on ${node.id} without a record`);
  }

  frameworkAdmitted(node: FrameworkNode, id: string): void {
    this.chronicle.add(node.id, `is subscribed as ${id}`);
    this.checks += 1;
  }

  statusSeen(node: FrameworkNode, status: TaskStatus, first: boolean): void {
    this.chronicle.status(node.id, status);
    this.checks += 1;
    const id = status.taskId?.value ?? '';
    const task = node.tasks.get(id);
    if (task === undefined) return;
    const name = `${node.frameworkId}/${id}`;
    const uuid = status.uuid?.toString('hex');
    if (first && uuid !== undefined) {
      for (const earlier of this.#made.get(name) ?? []) {
        if (earlier === uuid) break;
        assert(task.seen.has(earlier), `I6: ${node.id} saw an update of ${id} before an earlier one`);
      }
    }
    if (!node.deps.partitionAware || task.ambiguous) return;
    // Of a task that it refused the master keeps nothing, so an answer to a question that was on its way may still be of its agent.
    if (
      status.reason === TaskStatus_Reason.INVALID_OFFERS ||
      status.reason === TaskStatus_Reason.TASK_INVALID
    )
      return;
    const state = status.state as string as TaskState;
    const told = this.#told.get(name);
    if (told !== undefined && isTerminal(told))
      assert(state === told, `I4: ${node.id} was told that ${id} is ${told}, and then ${state}`);
    this.#told.set(name, state);
  }

  /** How often a task was started. */
  startsOf(key: string): number {
    return this.#starts.get(key) ?? 0;
  }

  #keepsItsEnd(who: string, name: string, state: TaskState): void {
    const key = `${who}: ${name}`;
    const end = this.#ends.get(key);
    assert(end === undefined || end === state, `I4: ${key} was ${String(end)} and is ${state}`);
    if (isTerminal(state)) this.#ends.set(key, state);
  }

  #holdings(node: AgentNode, state: AgentState): void {
    let milli = 0;
    for (const task of state.tasks.values()) {
      if (task.phase === 'ended') continue;
      const resources = resourcesFromProto(task.info.resources);
      if (!isFailure(resources)) milli += resources.scalarMilli('cpus');
    }
    const has = node.deps.total.scalarMilli('cpus');
    assert(milli <= has, `I3: the records of ${node.id} hold ${milli / 1000} cpus of ${has / 1000}`);
  }

  /** Whether any agent's ledger is not what it was when it was checked last: bags are never changed in place. */
  #changed(state: MasterState): boolean {
    const known = this.#ledgers.get(state) ?? new Map<string, Fingerprint>();
    this.#ledgers.set(state, known);
    let changed = known.size > state.agents.size;
    for (const agent of state.agents.values()) {
      const last = known.get(agent.id);
      const { total, used, offered, tasks, offers, membership } = agent;
      if (
        last !== undefined &&
        last.total === total &&
        last.used === used &&
        last.offered === offered &&
        last.tasks === tasks.size &&
        last.offers === offers.size &&
        last.membership === membership
      )
        continue;
      changed = true;
      known.set(agent.id, {
        total,
        used,
        offered,
        tasks: tasks.size,
        offers: offers.size,
        membership,
      });
    }
    return changed;
  }
}

type StatusEffect = Extract<AgentEffect, { kind: 'status' }>;

interface Fingerprint {
  readonly total: unknown;
  readonly used: unknown;
  readonly offered: unknown;
  readonly tasks: number;
  readonly offers: number;
  readonly membership: string;
}
