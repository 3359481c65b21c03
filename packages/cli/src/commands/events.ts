import { master as v1 } from '@meseta/protocol';
import { OperatorClient } from '@meseta/sdk';
import type { CliContext, ClusterFlags } from '../context';
import { stateWord, timeWord } from '../output/words';

/** What `meseta events` can be told. */
export interface EventsFlags extends ClusterFlags {
  /** Goes on behind this resume point, as an earlier run's `-o json` printed it. */
  readonly after?: string;
}

/** `meseta events`: what happens in the cluster, a line each, until ctrl-C. */
export async function watchEvents(context: CliContext, flags: EventsFlags): Promise<void> {
  const operator = new OperatorClient({ master: flags.master, timeoutMs: context.leaderTimeoutMs });
  const events = operator.watch(flags.after);
  let interrupted = false;
  const release = context.onInterrupt(() => {
    interrupted = true;
    operator.close();
  });
  try {
    for await (const message of events) {
      for (const event of message.events) {
        const json = { ...(v1.Event.toJSON(event) as object), resume: message.resume };
        if (flags.output === 'json') context.out.write(`${JSON.stringify(json)}\n`);
        else context.out.write(`${timeWord(context.nowMs())}  ${lineOf(event)}\n`);
      }
    }
  } catch (error) {
    if (!interrupted) throw error;
  } finally {
    release();
    operator.close();
  }
}

/** An event in a line. */
export function lineOf(event: v1.Event): string {
  const kind = (event.type ?? 'UNKNOWN').padEnd(18);
  return `${kind} ${detailOf(event)}`.trimEnd();
}

function detailOf(event: v1.Event): string {
  if (event.subscribed !== undefined) return subscribedDetail(event.subscribed);
  if (event.taskAdded?.task !== undefined) {
    const { taskId, name, agentId } = event.taskAdded.task;
    return `task ${taskId?.value ?? ''} (${name ?? ''}) on agent ${agentId?.value ?? ''}`;
  }
  if (event.taskUpdated !== undefined) {
    const { status, state } = event.taskUpdated;
    const message = status?.message ? `: ${status.message}` : '';
    return `task ${status?.taskId?.value ?? ''} is ${stateWord(state ?? status?.state)}${message}`;
  }
  const agent = event.agentAdded?.agent?.agentInfo;
  if (agent !== undefined) return `agent ${agent.id?.value ?? ''} (${agent.hostname ?? ''})`;
  if (event.agentRemoved !== undefined) return `agent ${event.agentRemoved.agentId?.value ?? ''}`;
  const framework =
    (event.frameworkAdded ?? event.frameworkUpdated)?.framework?.frameworkInfo ??
    event.frameworkRemoved?.frameworkInfo;
  if (framework !== undefined) return `framework ${framework.id?.value ?? ''} (${framework.name ?? ''})`;
  return '';
}

function subscribedDetail(subscribed: v1.Event_Subscribed): string {
  const { getAgents, getFrameworks, getTasks } = subscribed.getState ?? {};
  const counts = [
    `${getAgents?.agents.length ?? 0} agents`,
    `${getFrameworks?.frameworks.length ?? 0} frameworks`,
    `${getTasks?.tasks.length ?? 0} tasks`,
  ];
  return counts.join(', ');
}
