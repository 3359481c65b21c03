import { Resources, assert } from '@meseta/model';
import { holds, taskKey, type MasterState } from './state';

/** Checks M4 – M6 (state.ts) over the whole state. For tests: it looks at everything. */
export function checkInvariants(state: MasterState): void {
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
        agent.total.contains(given.nonShared()),
        `M4: agent ${agent.id} with ${agent.total.toString()} is not over-committed by ${given.toString()}`,
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
