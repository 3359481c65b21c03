import {
  failure,
  isFailure,
  type AgentConstraint,
  type AgentConstraints,
  type ConstraintPredicate,
  type ConstraintSelector,
  type Failure,
} from '@meseta/model';
import {
  AttributeConstraint_Selector_PseudoattributeType,
  type AttributeConstraint,
  type AttributeConstraint_Predicate,
  type AttributeConstraint_Selector,
  type OfferConstraints,
  type OfferConstraints_RoleConstraints,
} from '../gen/meseta/v1/scheduler/scheduler';

/** Compiles a regular expression; the failure names the field. */
export type CompilePattern = (field: string, pattern: string) => ((text: string) => boolean) | Failure;

/** Constraints of every role, by role. */
export function offerConstraintsFromProto(
  constraints: OfferConstraints | undefined,
  compile: CompilePattern,
): ReadonlyMap<string, AgentConstraints> | Failure {
  const byRole = new Map<string, AgentConstraints>();
  for (const [role, one] of Object.entries(constraints?.roleConstraints ?? {})) {
    const read = agentConstraintsFromProto(`offer_constraints.role_constraints[${role}]`, one, compile);
    if (isFailure(read)) return read;
    byRole.set(role, read);
  }
  return byRole;
}

/** Groups of constraints of which one must hold (S95). An empty list, and an empty group, are refused. */
export function agentConstraintsFromProto(
  field: string,
  { groups }: OfferConstraints_RoleConstraints,
  compile: CompilePattern,
): AgentConstraints | Failure {
  if (groups.length === 0) return refuse(`${field}.groups`, 'must not be empty');
  const read: AgentConstraint[][] = [];
  for (const [at, { attributeConstraints }] of groups.entries()) {
    const path = `${field}.groups[${at}].attribute_constraints`;
    if (attributeConstraints.length === 0) return refuse(path, 'must not be empty');
    const group: AgentConstraint[] = [];
    for (const [index, one] of attributeConstraints.entries()) {
      const constraint = constraintFromProto(`${path}[${index}]`, one, compile);
      if (isFailure(constraint)) return constraint;
      group.push(constraint);
    }
    read.push(group);
  }
  return read;
}

function constraintFromProto(
  field: string,
  { selector, predicate }: AttributeConstraint,
  compile: CompilePattern,
): AgentConstraint | Failure {
  const selected = selectorFromProto(`${field}.selector`, selector);
  if (isFailure(selected)) return selected;
  const asked = predicateFromProto(`${field}.predicate`, predicate, compile);
  return isFailure(asked) ? asked : { selector: selected, predicate: asked };
}

function selectorFromProto(
  field: string,
  proto: AttributeConstraint_Selector | undefined,
): ConstraintSelector | Failure {
  const selector = proto?.selector;
  if (selector?.$case === 'attributeName')
    return selector.value === ''
      ? refuse(`${field}.attribute_name`, 'must not be empty')
      : { kind: 'attribute', name: selector.value };
  switch (selector?.value) {
    case AttributeConstraint_Selector_PseudoattributeType.HOSTNAME:
      return { kind: 'hostname' };
    case AttributeConstraint_Selector_PseudoattributeType.REGION:
      return { kind: 'region' };
    case AttributeConstraint_Selector_PseudoattributeType.ZONE:
      return { kind: 'zone' };
    default:
      return refuse(field, 'must be set to an attribute name, HOSTNAME, REGION or ZONE');
  }
}

function predicateFromProto(
  field: string,
  proto: AttributeConstraint_Predicate | undefined,
  compile: CompilePattern,
): ConstraintPredicate | Failure {
  const predicate = proto?.predicate;
  switch (predicate?.$case) {
    case 'exists':
    case 'notExists':
      return { kind: predicate.$case };
    case 'textEquals':
    case 'textNotEquals': {
      const { value: text } = predicate.value;
      if (text === undefined) return refuse(`${field}.value`, 'must be set');
      return { kind: predicate.$case === 'textEquals' ? 'equals' : 'notEquals', text };
    }
    case 'textMatches':
    case 'textNotMatches': {
      const { regex } = predicate.value;
      if (regex === undefined) return refuse(`${field}.regex`, 'must be set');
      const test = compile(`${field}.regex`, regex);
      if (isFailure(test)) return test;
      return { kind: predicate.$case === 'textMatches' ? 'matches' : 'notMatches', pattern: regex, test };
    }
    case undefined:
      return refuse(field, 'must be set to a kind that is known here');
  }
}

function refuse(field: string, rule: string): Failure {
  return failure('invalid', `${field} ${rule}`, { field });
}
