import { isTerminal } from '@meseta/model';
import { freeOf, holds } from '@meseta/master/core';
import type { AgentNode } from './agent-node';
import type { FrameworkNode } from './framework-node';
import type { MasterNode } from './master-node';
import type { Simulation } from './simulation';

/**
 * What is not yet as it should be when nothing goes wrong any more; empty when all is settled.
 *
 * L1. One master leads, and every process is up.
 * L2. Every agent is registered with it and may be offered, and both agree on what the agent has.
 * L3. Master and agent agree on which tasks run, and each of them has a container that runs.
 * L4. No update waits for an acknowledgement.
 * L5. Every framework knows of each of its tasks whether it runs or how it ended.
 * L6. Nothing is held by anything but tasks and executors: no offer is outstanding when nobody wants one, the allocator counts as free what the
 *     master's ledger says is free, and no container or executor stays without a task.
 * L7. Every operation has ended, and its framework knows how.
 * L8. No queue holds anything.
 */
export function leftovers(simulation: Simulation): readonly string[] {
  const { leader, agents, frameworks, masters } = simulation;
  const leading = masters.filter((master) => master.leads);
  if (leader?.state === undefined || leading.length !== 1) return [`L1: ${leading.length} masters lead`];
  const left: string[] = [];
  for (const agent of agents) left.push(...ofAgent(agent, leader));
  for (const framework of frameworks) left.push(...ofFramework(framework, leader));
  left.push(...ofOffers(simulation, leader));
  const queued = leader.term?.queued ?? 0;
  if (queued > 0) left.push(`L8: ${queued} commands wait for the master`);
  return left;
}

function ofAgent(node: AgentNode, leader: MasterNode): string[] {
  const { state } = node;
  if (state === undefined) return [`L1: ${node.id} is down`];
  if (state.session?.registered !== true || state.agentId === undefined)
    return [`L2: ${node.id} is not registered`];
  const agent = leader.state?.agents.get(state.agentId);
  if (agent?.membership !== 'active')
    return [`L2: the master takes ${node.id} for ${agent?.membership ?? 'unknown'}`];
  const left: string[] = [];
  if (agent.deactivated || agent.dismissed) left.push(`L2: nothing of ${node.id} may be offered`);
  if (!agent.total.equals(state.resources))
    left.push(
      `L2: ${node.id} has ${state.resources.toString()}, the master takes it for ${agent.total.toString()}`,
    );
  const running = new Set<string>();
  for (const task of state.tasks.values()) if (!isTerminal(task.state)) running.add(task.key);
  for (const task of agent.tasks.values()) {
    const key = `${task.frameworkId}/${task.id}`;
    if (holds(task) && !running.delete(key)) left.push(`L3: the master has ${key}, ${node.id} has not`);
  }
  for (const key of running) left.push(`L3: ${node.id} has ${key}, the master has not`);
  for (const task of state.tasks.values()) {
    if (isTerminal(task.state) || task.runtime === '') continue;
    const container = node.containers.containers.get(task.containerId);
    if (container?.phase !== 'running') left.push(`L3: ${task.key} is ${task.state} and has no container`);
  }
  for (const container of node.containers.containers.values()) {
    if (container.phase === 'running' && !state.tasks.has(container.key))
      left.push(`L3: the container of ${container.key} runs, and nobody knows of it`);
    if (container.phase === 'ended') left.push(`L6: the container of ${container.key} was not released`);
  }
  if (state.unacknowledged > 0)
    left.push(`L4: ${node.id} waits for ${state.unacknowledged} acknowledgements`);
  for (const executor of state.executors.values())
    if (executor.tasks.size === 0) left.push(`L6: executor ${executor.key} has no tasks and stays`);
  if (state.operations.size > 0) left.push(`L7: ${node.id} keeps ${state.operations.size} operations`);
  if (agent.operations.size > 0)
    left.push(`L7: the master keeps ${agent.operations.size} operations of ${node.id}`);
  return left;
}

function ofFramework(node: FrameworkNode, leader: MasterNode): string[] {
  if (node.removed) return [];
  if (!node.up || !node.subscribed) return [`L1: ${node.id} is not subscribed`];
  const framework = leader.state?.frameworks.get(node.frameworkId as never);
  if (framework === undefined) return [`L1: the master does not know ${node.id}`];
  const left: string[] = [];
  for (const task of node.tasks.values()) {
    if (isTerminal(task.state)) continue;
    const known = framework.tasks.get(task.id as never);
    if (known === undefined)
      left.push(`L5: ${node.id} takes ${task.id} for ${task.state}, the master has not`);
    else if (known.state !== task.state)
      left.push(`L5: ${node.id} takes ${task.id} for ${task.state}, the master for ${known.state}`);
    else if (task.state !== 'TASK_RUNNING') left.push(`L5: ${task.id} is still ${task.state}`);
  }
  for (const task of framework.tasks.values())
    if (isTerminal(task.state)) left.push(`L4: the end of ${task.id} was not acknowledged`);
  for (const { id, state } of node.operations.values())
    if (state === 'OPERATION_PENDING') left.push(`L7: ${node.id} does not know what became of ${id}`);
  return left;
}

function ofOffers({ allocators }: Simulation, leader: MasterNode): string[] {
  const left: string[] = [];
  const { state } = leader;
  if (state === undefined) return left;
  for (const offer of state.offers.values())
    left.push(`L6: offer ${offer.id} is outstanding, and nobody wants any`);
  const allocator = allocators.find((one) => one.state !== undefined)?.state;
  if (allocator === undefined) return [...left, 'L6: no allocator works for the master'];
  for (const agent of state.agents.values()) {
    if (agent.membership !== 'active') continue;
    const counted = allocator.agents.find(agent.id)?.free.bag;
    const free = freeOf(agent);
    if (counted?.equals(free) !== true)
      left.push(
        `L6: of ${agent.id} ${free.toString()} is free, the allocator counts ${counted?.toString() ?? 'nothing'}`,
      );
  }
  return left;
}
