import { master, taskStateToProto } from '@meseta/protocol';
import type { OperatorEvent } from '../state/effect';
import type { MasterView } from '../state/state';
import { agentToProto } from './agents';
import { frameworkToProto } from './frameworks';
import { taskToProto } from './tasks';

const { Event_Type: Type } = master;

/** An event as operators read it. */
export function operatorEventToProto(event: OperatorEvent, view: MasterView): master.Event {
  switch (event.kind) {
    case 'taskAdded':
      return { type: Type.TASK_ADDED, taskAdded: { task: taskToProto(event.task) } };
    case 'taskUpdated': {
      const { task, status } = event;
      const state = taskStateToProto(task.state);
      return {
        type: Type.TASK_UPDATED,
        taskUpdated: {
          frameworkId: { value: task.frameworkId },
          state,
          status: status ?? { taskId: { value: task.id }, agentId: { value: task.agentId }, state },
        },
      };
    }
    case 'agentAdded':
      return { type: Type.AGENT_ADDED, agentAdded: { agent: agentToProto(event.agent, view) } };
    case 'agentRemoved':
      return { type: Type.AGENT_REMOVED, agentRemoved: { agentId: { value: event.agentId } } };
    case 'frameworkAdded':
      return {
        type: Type.FRAMEWORK_ADDED,
        frameworkAdded: { framework: frameworkToProto(event.framework, view) },
      };
    case 'frameworkUpdated':
      return {
        type: Type.FRAMEWORK_UPDATED,
        frameworkUpdated: { framework: frameworkToProto(event.framework, view) },
      };
    case 'frameworkRemoved':
      return { type: Type.FRAMEWORK_REMOVED, frameworkRemoved: { frameworkInfo: event.framework.info } };
  }
}
