import { join } from 'node:path';
import { Resources, agentId, frameworkId, instant, isFailure, parseAttributes, plusMs } from '@meseta/model';
import { describeScenarios, wordsOf, type Interpreter } from '@meseta/testing';
import type { Command } from './command';
import { explain } from './explain';
import { defaultOptions } from './default-options';
import { initialState } from './initial-state';
import { nextDeadline, step } from './step';

describe('the allocator, told in scenarios', () =>
  describeScenarios(join(__dirname, 'testdata'), () => new AllocatorInterpreter()));

/** Words to commands, proposals to words. After each command there is a turn. */
class AllocatorInterpreter implements Interpreter {
  #now = instant(0);
  readonly #state = initialState(defaultOptions);

  run(line: string): readonly string[] {
    const { verb, plain, named } = wordsOf(line);
    if (verb === 'advance') return this.#advance(Number(/^(\d+)s$/.exec(plain[0] ?? '')?.[1]) * 1000);
    if (verb === 'explain') return this.#explain(plain[0] ?? '', plain[1] ?? '');
    if (verb === 'shares') return this.#shares(plain);
    step(this.#state, commandOf(verb, plain, named), this.#now);
    return this.#turn();
  }

  #turn(): readonly string[] {
    const effects = step(this.#state, { kind: 'allocate', everyAgent: false, seed: 0 }, this.#now);
    return effects.flatMap((effect) =>
      effect.kind === 'propose'
        ? effect.proposals.map(
            (one) => `offer ${one.frameworkId} (${one.role}) ${one.resources.toString()} of ${one.agentId}`,
          )
        : [],
    );
  }

  #advance(ms: number): readonly string[] {
    const until = plusMs(this.#now, ms);
    const lines: string[] = [];
    for (
      let at = nextDeadline(this.#state, this.#now);
      at !== undefined && at <= until;
      at = nextDeadline(this.#state, this.#now)
    ) {
      this.#now = at;
      lines.push(...this.#turn().map((told) => `${at / 1000}s ${told}`));
    }
    this.#now = until;
    return lines;
  }

  #shares(roles: readonly string[]): readonly string[] {
    return roles.map((role) => `${role} ${this.#state.shares.roleShare(role).toFixed(3)}`);
  }

  #explain(framework: string, role: string): readonly string[] {
    const explained = explain(this.#state, frameworkId(framework), role, this.#now) ?? [];
    return explained.flatMap((one) => [
      ...(one.blocked === '' ? [] : [`${one.role}: ${one.blocked}`]),
      ...one.agents.map(
        (agent) =>
          `${one.role}: ${agent.agentId} free ${agent.free || 'nothing'}${agent.filter === '' ? '' : `, ${agent.filter}: ${agent.reason}`}`,
      ),
    ]);
  }
}

function commandOf(verb: string, plain: readonly string[], named: ReadonlyMap<string, string>): Command {
  const [who = '', ...rest] = plain;
  const list = (name: string): string[] => (named.get(name) ?? '').split(',').filter((word) => word !== '');
  const holding = {
    frameworkId: frameworkId(who),
    role: named.get('role') ?? who,
    resources: resources(rest[1] ?? ''),
  };
  switch (verb) {
    case 'agent': {
      const attributes = parseAttributes(named.get('attributes') ?? '');
      if (isFailure(attributes)) throw new Error(attributes.message);
      return {
        kind: 'agentChanged',
        agent: {
          agentId: agentId(who),
          hostname: who,
          total: resources(rest[0] ?? ''),
          attributes,
          active: true,
          holdings: [],
        },
      };
    }
    case 'agent-inactive':
    case 'agent-active':
      return { kind: 'agentActivated', agentId: agentId(who), active: verb === 'agent-active' };
    case 'agent-removed':
      return { kind: 'agentRemoved', agentId: agentId(who) };
    case 'framework':
      return {
        kind: 'frameworkChanged',
        framework: {
          frameworkId: frameworkId(who),
          name: who,
          roles: list('roles').length === 0 ? [who] : list('roles'),
          suppressedRoles: list('suppressed'),
          active: named.get('active') !== 'no',
          capabilities: list('capabilities'),
        },
      };
    case 'framework-removed':
      return { kind: 'frameworkRemoved', frameworkId: frameworkId(who) };
    case 'gives-back':
      return {
        kind: 'recovered',
        agentId: agentId(rest[0] ?? ''),
        refuseMs: Number(named.get('refuse')?.replace('s', '') ?? 0) * 1000,
        ...holding,
      };
    case 'holds':
      return { kind: 'allocated', agentId: agentId(rest[0] ?? ''), ...holding };
    case 'suppress':
      return { kind: 'suppressed', frameworkId: frameworkId(who), roles: rest };
    case 'revive':
      return { kind: 'revived', frameworkId: frameworkId(who), roles: rest };
    case 'weight':
      return { kind: 'weightChanged', role: who, weight: Number(rest[0]) };
    default:
      throw new Error(`scenario: unknown command ${verb}`);
  }
}

function resources(text: string): Resources {
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return parsed;
}
