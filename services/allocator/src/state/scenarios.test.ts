import { join } from 'node:path';
import {
  Resources,
  type AgentConstraints,
  agentId,
  frameworkId,
  instant,
  isFailure,
  parseAttributes,
  plusMs,
} from '@meseta/model';
import { describeScenarios, wordsOf, type Interpreter } from '@meseta/testing';
import type { Command } from './command';
import { explain } from './explain';
import { builtInPolicies } from '../load-policy';
import { defaultOptions, leastOf } from './default-options';
import { initialState } from './initial-state';
import type { AllocatorOptions, Placement } from './state';
import { nextDeadline, step } from './step';

describe('the allocator, told in scenarios', () =>
  describeScenarios(join(__dirname, 'testdata'), () => new AllocatorInterpreter()));

/** Words to commands, proposals to words. After each command there is a turn. */
class AllocatorInterpreter implements Interpreter {
  #now = instant(0);
  #state = initialState(defaultOptions);

  run(line: string): readonly string[] {
    const { verb, plain, named } = wordsOf(line);
    if (verb === 'advance') return this.#advance(msOf(plain[0]));
    if (verb === 'explain') return this.#explain(plain[0] ?? '', plain[1] ?? '');
    if (verb === 'shares') return this.#shares(plain);
    if (verb === 'demands') return this.#demands(plain[0] ?? '', plain[1] ?? '');
    if (verb === 'options') {
      this.#state = initialState(optionsOf(named));
      return [];
    }
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
        : effect.proposals.map(({ frameworkId: id, agentId: agent, unavailability }) => {
            const { startMs, durationMs } = unavailability;
            const length = durationMs === undefined ? 'for ever' : `for ${durationMs / 1000}s`;
            return `ask ${id} to give up ${agent} from ${startMs / 1000}s ${length}`;
          }),
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

  #demands(framework: string, role: string): readonly string[] {
    const explained = explain(this.#state, frameworkId(framework), role, this.#now) ?? [];
    return explained.flatMap((one) =>
      one.demands.map(
        ({ id, count, remaining, nearest }) =>
          `${id}: ${count - remaining} of ${count} offered${nearest === '' ? '' : `; ${nearest}`}`,
      ),
    );
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
    resources: totalOf(rest[1] ?? '', named),
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
          total: totalOf(rest[0] ?? '', named),
          attributes,
          domain: domainOf(named.get('domain')),
          active: true,
          holdings: [],
        },
      };
    }
    case 'agent-total':
      return { kind: 'totalChanged', agentId: agentId(who), total: totalOf(rest[0] ?? '', named) };
    case 'draining':
      return { kind: 'agentActivated', agentId: agentId(who), active: false, withheld: 'draining' };
    case 'converts':
      return {
        kind: 'converted',
        agentId: agentId(rest[0] ?? ''),
        holder: who === '-' ? undefined : { frameworkId: frameworkId(who), role: named.get('role') ?? who },
        consumed: resources(rest[1] ?? ''),
        produced: resources(rest[2] ?? ''),
      };
    case 'cluster':
      return {
        kind: 'clusterChanged',
        region: named.get('region'),
        expectedAgents: Number(named.get('agents') ?? 0),
        electedAtMs: 0,
      };
    case 'whitelist':
      return { kind: 'whitelistChanged', hostnames: who === 'off' ? undefined : new Set(plain) };
    case 'maintenance':
      return {
        kind: 'unavailabilityChanged',
        agentId: agentId(who),
        unavailability: named.has('from')
          ? {
              startMs: msOf(named.get('from')),
              durationMs: named.has('for') ? msOf(named.get('for')) : undefined,
            }
          : undefined,
      };
    case 'answers':
      return {
        kind: 'inverseOfferAnswered',
        frameworkId: frameworkId(who),
        agentId: agentId(rest[0] ?? ''),
        refuseMs: msOf(named.get('refuse')),
      };
    case 'quota':
      return {
        kind: 'quotaChanged',
        quota: {
          role: who,
          guarantees: amountsOf(named.get('guarantee')),
          limits: amountsOf(named.get('limit')),
        },
      };
    case 'demand':
      return {
        kind: 'demanded',
        frameworkId: frameworkId(who),
        demands: rest.map((word, at) => {
          const [count = '', perTask = ''] = word.split('×');
          return {
            id: `d${at}`,
            role: named.get('role') ?? who,
            perTask: leastOf(perTask),
            count: Number(count),
            constraints: constraintOf(named.get('where')),
          };
        }),
        remaining: tasksOf(named.get('remaining')) ?? new Map(),
      };
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
          constraints: new Map(
            [constraintOf(named.get('where'))].flatMap((one) =>
              one === undefined ? [] : [[list('roles')[0] ?? who, one]],
            ),
          ),
          least: new Map(named.has('least') ? [[list('roles')[0] ?? who, list('least').map(leastOf)]] : []),
        },
      };
    case 'framework-removed':
      return { kind: 'frameworkRemoved', frameworkId: frameworkId(who) };
    case 'declines':
      return {
        kind: 'recovered',
        agentId: agentId(rest[0] ?? ''),
        refuseMs: msOf(named.get('refuse')),
        ...holding,
        unused: true,
        tasks: tasksOf(named.get('tasks')),
        offers: 1,
      };
    case 'taken-back':
      return {
        kind: 'recovered',
        agentId: agentId(rest[0] ?? ''),
        refuseMs: -1,
        ...holding,
        unused: true,
        offers: 1,
      };
    case 'accepts':
      return {
        kind: 'accepted',
        agentId: agentId(rest[0] ?? ''),
        frameworkId: frameworkId(who),
        role: named.get('role') ?? who,
        offers: 1,
      };
    case 'gives-back':
      return {
        kind: 'recovered',
        agentId: agentId(rest[0] ?? ''),
        refuseMs: msOf(named.get('refuse')),
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

function optionsOf(named: ReadonlyMap<string, string>): AllocatorOptions {
  const placement = named.get('placement')?.split(':') ?? [];
  return {
    ...defaultOptions,
    outstandingOffersMax: Number(named.get('outstanding') ?? 0),
    excluded: new Set((named.get('excluded') ?? '').split(',')),
    placements: new Map(placement.length === 2 ? [[placement[0] ?? '', placement[1] as Placement]] : []),
    agentOrder: builtInPolicies.find(({ name }) => name === named.get('order'))?.agents,
  };
}

/** `lends=cpus:2` are revocable cpus beside the agent's own. */
function totalOf(text: string, named: ReadonlyMap<string, string>): Resources {
  const lent = resources(named.get('lends') ?? '').map((one) => ({ ...one, revocable: true }));
  return resources(text).add(lent);
}

function domainOf(text: string | undefined): { region: string; zone: string } | undefined {
  const [region = '', zone = ''] = text?.split('/') ?? [];
  return text === undefined ? undefined : { region, zone };
}

/** `rack:a` is an attribute that must be that text, `hostname~s.*` a pattern. */
function constraintOf(text: string | undefined): AgentConstraints | undefined {
  if (text === undefined) return undefined;
  const [, name = '', operator, value = ''] = /^([^:~]+)([:~])(.*)$/.exec(text) ?? [];
  const selector = name === 'hostname' ? ({ kind: name } as const) : ({ kind: 'attribute', name } as const);
  const pattern = new RegExp(`^(?:${value})$`);
  const predicate =
    operator === ':'
      ? ({ kind: 'equals', text: value } as const)
      : ({ kind: 'matches', pattern: value, test: (one: string) => pattern.test(one) } as const);
  return [[{ selector, predicate }]];
}

/** `d0:2,d1:1` */
function tasksOf(text: string | undefined): ReadonlyMap<string, number> | undefined {
  return text === undefined
    ? undefined
    : new Map(text.split(',').map((word) => [word.split(':')[0] ?? '', Number(word.split(':')[1])]));
}

function amountsOf(text: string | undefined): ReadonlyMap<string, number> {
  return text === undefined ? new Map<string, number>() : leastOf(text);
}

function msOf(text: string | undefined): number {
  return Number(text?.replace('s', '') ?? 0) * 1000;
}
