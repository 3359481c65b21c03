import { Resources, assert } from '@meseta/model';
import { holds, taskKey, type MasterState } from './state';

/** Checks M4 – M9 (state.ts) over the whole state. For tests: it looks at everything. */
export function checkInvariants(state: MasterState): void {
  checkWithheld(state);
  checkInverseOffers(state);
  checkDemands(state);
  for (const agent of state.agents.values()) {
    let used = Resources.empty;
    for (const task of agent.tasks.values()) if (holds(task)) used = used.add(task.resources);
    for (const executor of agent.executors.values()) used = used.add(executor.resources);
    assert(
      used.equals(agent.used),
      `M5: agent ${agent.id} uses ${agent.used.toString()}, its tasks and executors hold ${used.toString()}`,
    );
    let offered = Resources.empty;
    for (const offerId of agent.offers) {
      const offer = state.offers.get(offerId);
      assert(
        offer !== undefined && offer.agentId === agent.id,
        `M4: offer ${offerId} of agent ${agent.id} exists`,
      );
      offered = offered.add(offer.resources);
    }
    assert(offered.equals(agent.offered), `M4: what agent ${agent.id} has offered is the sum of its offers`);
    if (agent.membership === 'active') {
      const given = used.add(offered);
      assert(
        agent.total.contains(given.nonShared().nonRevocable()),
        `M4: agent ${agent.id} with ${agent.total.toString()} is not over-committed by ${given.toString()}`,
      );
      // What is lent may have become less than what is used of it (R60); nothing more of it is offered then.
      assert(
        agent.total.subtract(used).revocable().contains(offered.revocable()),
        `M4: agent ${agent.id} with ${agent.total.toString()} lends what it offers, ${offered.toString()}`,
      );
      for (const volume of given.shared().entries)
        assert(agent.total.contains(Resources.of([volume])), `M4: agent ${agent.id} has its shared volumes`);
    }
  }
  for (const framework of state.frameworks.values()) {
    for (const task of framework.tasks.values()) {
      const agent = state.agents.get(task.agentId);
      assert(
        agent?.tasks.get(taskKey(framework.id, task.id)) === task,
        `M6: task ${task.id} is among its agent's`,
      );
    }
    for (const offerId of framework.offers) {
      assert(
        state.offers.get(offerId)?.frameworkId === framework.id,
        `M4: offer ${offerId} of framework ${framework.id} exists`,
      );
    }
  }
}

function checkWithheld({ agents, draining, gone }: MasterState): void {
  for (const agent of agents.values()) {
    assert(
      (!agent.deactivated && !agent.dismissed) || agent.offers.size === 0,
      `M7: nothing is on offer of ${agent.id}`,
    );
    assert(agent.drain === undefined || agent.deactivated, `M7: agent ${agent.id} is drained and withheld`);
    assert(
      draining.has(agent.id) === (agent.drain?.state === 'DRAINING'),
      `M7: agent ${agent.id} is among those that are drained if it is`,
    );
    assert(!gone.has(agent.id), `M7: agent ${agent.id} is gone`);
  }
}

function checkDemands({ frameworks, offers }: MasterState): void {
  for (const { id, demands } of frameworks.values())
    for (const open of demands) {
      let offered = 0;
      for (const { room } of offers.values()) offered += room.get(open) ?? 0;
      assert(
        open.remaining >= 0 && open.remaining + offered <= open.demand.count,
        `M9: demand ${open.demand.id} of framework ${id} of ${open.demand.count}: ${open.remaining} left, ${offered} offered`,
      );
    }
}

function checkInverseOffers({ agents, inverseOffers }: MasterState): void {
  for (const offer of inverseOffers.values())
    assert(
      agents.get(offer.agentId)?.asked.get(offer.frameworkId)?.offer === offer,
      `M8: agent ${offer.agentId} knows inverse offer ${offer.id}`,
    );
  for (const agent of agents.values())
    for (const { offer } of agent.asked.values())
      assert(
        offer === undefined || inverseOffers.get(offer.id) === offer,
        `M8: inverse offer ${offer?.id ?? ''} of agent ${agent.id} exists`,
      );
}
