import type { Command as AgentCommand, Effect as AgentEffect } from '@meseta/agent/core';
import type { Command, Effect } from '@meseta/master/core';
import type { TaskStatus } from '@meseta/protocol';

/**
 * What happened, in lines that a person reads: kept only when asked for, since most runs keep their promises. At the bound the oldest lines make
 * room.
 */
export class Chronicle {
  readonly #lines: string[] = [];

  constructor(
    private readonly now: () => number,
    private readonly linesMax: number,
  ) {}

  get on(): boolean {
    return this.linesMax > 0;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  add(who: string, what: string): void {
    if (!this.on) return;
    this.#lines.push(`${((this.now() - 1_000_000) / 1000).toFixed(3).padStart(9)} ${who.padEnd(11)} ${what}`);
    if (this.#lines.length > this.linesMax) this.#lines.splice(0, this.#lines.length - this.linesMax);
  }

  master(who: string, command: Command, effects: readonly Effect[]): void {
    if (!this.on) return;
    const told = effects.flatMap(effectWords);
    if (command.kind === 'pong' || (command.kind === 'tick' && told.length === 0)) return;
    this.add(who, `${commandWords(command)}${told.length === 0 ? '' : ` → ${told.join(', ')}`}`);
  }

  agent(who: string, command: AgentCommand, effects: readonly AgentEffect[]): void {
    if (!this.on) return;
    const told = effects.flatMap(agentEffectWords);
    const said =
      command.kind === 'masterSaid'
        ? command.orders.map((order) => order.kind).filter((kind) => kind !== 'ping')
        : [agentCommandWords(command)];
    if (said.length === 0 && told.length === 0) return;
    this.add(who, `${said.join('+')}${told.length === 0 ? '' : ` → ${told.join(', ')}`}`);
  }

  status(who: string, status: TaskStatus): void {
    if (!this.on) return;
    const reason = status.reason === undefined ? '' : ` ${status.reason}`;
    const uuid = status.uuid === undefined ? '' : ' to be acknowledged';
    this.add(who, `is told ${status.taskId?.value ?? ''} ${status.state ?? ''}${reason}${uuid}`);
  }
}

function commandWords(command: Command): string {
  switch (command.kind) {
    case 'accept':
      return `accept of ${command.frameworkId}: ${command.accepts
        .flatMap(({ offerIds, operations }) => [
          ...offerIds,
          ...operations.map((one) =>
            one.kind === 'resources' ? String(one.info.type) : `${one.kind} ${taskIds(one.tasks)}`,
          ),
        ])
        .join(' ')}`;
    case 'statusUpdate':
      return `${command.agentId} says ${command.taskId} ${command.state} (now ${command.latestState})`;
    case 'agentRegister':
      return `register ${command.agentId ?? 'new'} ${command.session} with ${command.tasks.map(({ taskId, state }) => `${taskId}:${state}`).join(' ')}`;
    case 'acknowledge':
      return `acknowledge ${command.acknowledgements.map(({ taskId }) => taskId).join(' ')}`;
    case 'kill':
      return `kill ${command.kills.map(({ taskId }) => taskId).join(' ')}`;
    case 'reconcile':
      return `reconcile ${taskIds(command.tasks)}`;
    case 'proposals':
      return `proposals ${command.proposals.map(({ agentId, frameworkId }) => `${agentId} to ${frameworkId}`).join(' ')}`;
    case 'agentSessionEnded':
      return `session of ${command.agentId} ended`;
    default:
      return command.kind;
  }
}

function taskIds(tasks: readonly { readonly taskId: string }[]): string {
  return tasks.map(({ taskId }) => taskId).join(' ');
}

function effectWords(effect: Effect): string[] {
  switch (effect.kind) {
    case 'commit':
      return [`commit ${effect.operation.operation?.$case ?? ''}`];
    case 'event':
      return effect.event.kind === 'heartbeat' ? [] : [`event ${effect.event.kind}`];
    case 'toAgent':
      return effect.message.message?.$case === 'ping' ? [] : [`order ${effect.message.message?.$case ?? ''}`];
    case 'launch':
      return [`launch ${effect.task.id}`];
    case 'launchGroup':
      return [`launch group ${effect.tasks.map(({ id }) => id).join(' ')}`];
    case 'endSession':
    case 'endStream':
      return [effect.kind];
    case 'seen':
      return effect.observation.kind === 'taskState'
        ? [`${effect.observation.task.id} ${effect.observation.from ?? 'new'} to ${effect.observation.to}`]
        : effect.observation.kind === 'proposalDropped'
          ? [`proposal dropped: ${effect.observation.why}`]
          : [];
    default:
      return [];
  }
}

function agentCommandWords(command: AgentCommand): string {
  switch (command.kind) {
    case 'containerStarted':
    case 'startFailed':
    case 'startCancelled':
      return `${command.kind} ${command.key}`;
    case 'containerEnded':
      return `containerEnded ${command.key} ${JSON.stringify(command.exit)}`;
    case 'recovered':
      return `recovered ${command.outcomes.map(({ key, found }) => `${key}:${found.kind}`).join(' ')}`;
    default:
      return command.kind;
  }
}

function agentEffectWords(effect: AgentEffect): string[] {
  switch (effect.kind) {
    case 'status':
      return [`status ${effect.taskId} ${effect.status.state}${effect.attempt > 1 ? ` again` : ''}`];
    case 'start':
    case 'cancelStart':
      return [`${effect.kind} ${effect.key}`];
    case 'terminate':
    case 'destroy':
    case 'release':
    case 'register':
    case 'registered':
    case 'closeSession':
    case 'executorEnded':
    case 'operation':
      return [effect.kind];
    default:
      return [];
  }
}
