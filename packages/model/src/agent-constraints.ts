import type { Attribute } from './attributes';
import type { Domain } from './domain';

/** What constraints ask about: the first attribute of a name, or where the agent is. */
export type ConstraintSelector =
  | { readonly kind: 'attribute'; readonly name: string }
  | { readonly kind: 'hostname' }
  | { readonly kind: 'region' }
  | { readonly kind: 'zone' };

/** What must be true of it. A regular expression is compiled by whoever reads the constraint, and must match the whole text. */
export type ConstraintPredicate =
  | { readonly kind: 'exists' | 'notExists' }
  | { readonly kind: 'equals' | 'notEquals'; readonly text: string }
  | {
      readonly kind: 'matches' | 'notMatches';
      readonly pattern: string;
      readonly test: (text: string) => boolean;
    };

export interface AgentConstraint {
  readonly selector: ConstraintSelector;
  readonly predicate: ConstraintPredicate;
}

/** Groups of which one must hold; all constraints of a group must (S95). */
export type AgentConstraints = readonly (readonly AgentConstraint[])[];

/** What constraints look at. */
export interface AgentFacts {
  readonly hostname: string;
  readonly attributes: readonly Attribute[];
  readonly domain: Domain | undefined;
}

/** Why an agent does not meet the constraints: the first that fails in the last group; undefined when it meets them. */
export function constraintsRefuse(constraints: AgentConstraints, agent: AgentFacts): string | undefined {
  let why: string | undefined;
  for (const group of constraints) {
    const failed = group.find((constraint) => !holds(constraint, agent));
    if (failed === undefined) return undefined;
    why = `${printSelector(failed.selector)} ${printPredicate(failed.predicate)}`;
  }
  return why;
}

/** A value that is not text passes every comparison (S97); one that is not there passes the negative ones. */
function holds({ selector, predicate }: AgentConstraint, agent: AgentFacts): boolean {
  const value = selected(selector, agent);
  switch (predicate.kind) {
    case 'exists':
      return value !== undefined;
    case 'notExists':
      return value === undefined;
    case 'equals':
      return value !== undefined && (value.text === undefined || value.text === predicate.text);
    case 'notEquals':
      return value?.text === undefined || value.text !== predicate.text;
    case 'matches':
      return value !== undefined && (value.text === undefined || predicate.test(value.text));
    case 'notMatches':
      return value?.text === undefined || !predicate.test(value.text);
  }
}

/** The value; `text` is undefined when it is of another kind. */
function selected(
  selector: ConstraintSelector,
  agent: AgentFacts,
): { readonly text: string | undefined } | undefined {
  switch (selector.kind) {
    case 'hostname':
      return { text: agent.hostname };
    case 'region':
      return agent.domain === undefined ? undefined : { text: agent.domain.region };
    case 'zone':
      return agent.domain === undefined ? undefined : { text: agent.domain.zone };
    case 'attribute': {
      const attribute = agent.attributes.find(({ name }) => name === selector.name);
      if (attribute === undefined) return undefined;
      return { text: attribute.value.kind === 'text' ? attribute.value.text : undefined };
    }
  }
}

function printSelector(selector: ConstraintSelector): string {
  return selector.kind === 'attribute' ? `attribute ${selector.name}` : selector.kind;
}

function printPredicate(predicate: ConstraintPredicate): string {
  switch (predicate.kind) {
    case 'exists':
      return 'must exist';
    case 'notExists':
      return 'must not exist';
    case 'equals':
      return `must be ${predicate.text}`;
    case 'notEquals':
      return `must not be ${predicate.text}`;
    case 'matches':
      return `must match ${predicate.pattern}`;
    case 'notMatches':
      return `must not match ${predicate.pattern}`;
  }
}
