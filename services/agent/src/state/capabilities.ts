import type { FrameworkId, TaskState } from '@meseta/model';
import { partitionUnawareState } from '@meseta/model';
import type { FrameworkInfo, FrameworkInfo_Capability_Type } from '@meseta/protocol';
import type { AgentState } from './state';

/** Whether a framework said that it can do something. */
export function isCapable(
  info: FrameworkInfo | undefined,
  capability: keyof typeof FrameworkInfo_Capability_Type,
): boolean {
  return info?.capabilities.some(({ type }) => (type as string | undefined) === capability) === true;
}

/** The state as this framework is told it: one that is not PARTITION_AWARE knows only LOST. One that is not known here is told the truth. */
export function stateFor(state: AgentState, frameworkId: FrameworkId, told: TaskState): TaskState {
  const info = state.frameworks.get(frameworkId)?.info;
  return info === undefined || isCapable(info, 'PARTITION_AWARE') ? told : partitionUnawareState(told);
}

/** Whether what a framework runs here goes on when the agent ends (E29). */
export function outlives(state: AgentState, frameworkId: FrameworkId): boolean {
  return state.frameworks.get(frameworkId)?.info.checkpoint === true;
}
