import { failure, isFailure, type Failure } from '@meseta/model';
import type { Processor } from './syscalls';

/** What the kernel does with a call: a value of seccomp(2). */
export type Action = number;

/** How an argument is compared, as libseccomp names it. */
export type Comparison = 'NE' | 'LT' | 'LE' | 'EQ' | 'GE' | 'GT' | 'MASKED_EQ';

export interface Condition {
  /** Which argument, from 0 to 5. */
  readonly index: number;
  readonly comparison: Comparison;
  /** For MASKED_EQ the mask. */
  readonly value: bigint;
  /** For MASKED_EQ what is left of the argument under the mask. */
  readonly valueTwo: bigint;
}

/** What is done with a call if all its conditions hold. */
export interface Rule {
  readonly conditions: readonly Condition[];
  readonly action: Action;
}

/** A profile, read for one processor and for one set of capabilities. */
export interface Profile {
  readonly defaultAction: Action;
  readonly rules: ReadonlyMap<number, readonly Rule[]>;
}

/** Whom a profile is read for. */
export interface ProfileContext {
  readonly processor: Processor;
  /** What the task may have of root's powers, in lower case without CAP_: entries may depend on them. */
  readonly capabilities: readonly string[];
}

const operationNotPermitted = 1;
const errnoMax = 4095;

const comparisons: Readonly<Record<string, Comparison>> = {
  SCMP_CMP_NE: 'NE',
  SCMP_CMP_LT: 'LT',
  SCMP_CMP_LE: 'LE',
  SCMP_CMP_EQ: 'EQ',
  SCMP_CMP_GE: 'GE',
  SCMP_CMP_GT: 'GT',
  SCMP_CMP_MASKED_EQ: 'MASKED_EQ',
};

/** What JSON may hold, as far as it is looked into. */
type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a profile in the form of Docker's, of which the runtime specification of the Open Container Initiative knows a part.
 *
 * Names of calls that this processor does not have are left out, as everybody does: one profile serves many processors.
 *
 * @see https://docs.docker.com/engine/security/seccomp/
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp
 */
export function readProfile(text: string, context: ProfileContext): Profile | Failure {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return wrong('', 'must be JSON');
  }
  if (!isObject(json)) return wrong('', 'must be an object');
  const unsupported = ['listenerPath', 'flags'].find((field) => isFilled(json[field]));
  if (unsupported !== undefined) return wrong(unsupported, 'is not supported');
  if (!fitsProcessor(json, context.processor))
    return wrong('architectures', `must have ${context.processor.profileName}, which this machine is`);
  const defaultAction = actionOf(json['defaultAction'], json['defaultErrnoRet'], 'defaultAction');
  if (typeof defaultAction !== 'number') return defaultAction;
  const entries = json['syscalls'] ?? [];
  if (!Array.isArray(entries)) return wrong('syscalls', 'must be an array');
  const rules = new Map<number, Rule[]>();
  for (const [i, entry] of entries.entries()) {
    const where = `syscalls[${i}]`;
    if (!isObject(entry)) return wrong(where, 'must be an object');
    if (!isMeant(entry, context)) continue;
    const rule = ruleOf(entry, where);
    if (isFailure(rule)) return rule;
    const names = entry['names'] ?? [entry['name']];
    if (!isTexts(names) || names.length === 0)
      return wrong(`${where}.names`, 'must be names of system calls');
    for (const name of names) {
      const number = context.processor.syscalls.get(name);
      if (number !== undefined) rules.set(number, [...(rules.get(number) ?? []), rule]);
    }
  }
  return { defaultAction, rules };
}

function ruleOf(entry: Json, where: string): Rule | Failure {
  const action = actionOf(entry['action'], entry['errnoRet'], `${where}.action`);
  if (typeof action !== 'number') return action;
  const given = entry['args'] ?? [];
  if (!Array.isArray(given)) return wrong(`${where}.args`, 'must be an array');
  const conditions: Condition[] = [];
  for (const [i, argument] of given.entries()) {
    const condition = conditionOf(argument, `${where}.args[${i}]`);
    if (isFailure(condition)) return condition;
    conditions.push(condition);
  }
  return { conditions, action };
}

function conditionOf(argument: unknown, where: string): Condition | Failure {
  if (!isObject(argument)) return wrong(where, 'must be an object');
  const { index, op, value = 0, valueTwo = 0 } = argument;
  const comparison = typeof op === 'string' ? comparisons[op] : undefined;
  if (comparison === undefined)
    return wrong(`${where}.op`, `must be one of ${Object.keys(comparisons).join(', ')}`);
  if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index > 5)
    return wrong(`${where}.index`, 'must be a whole number from 0 to 5');
  for (const [name, number] of Object.entries({ value, valueTwo }))
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 0)
      return wrong(`${where}.${name}`, 'must be a whole number of at least 0');
  return { index, comparison, value: BigInt(value as number), valueTwo: BigInt(valueTwo as number) };
}

function actionOf(name: unknown, errno: unknown, where: string): Action | Failure {
  const code = errno ?? operationNotPermitted;
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 0 || code > errnoMax)
    return wrong(where, `must have an errnoRet from 0 to ${errnoMax}`);
  switch (name) {
    case 'SCMP_ACT_ALLOW':
      return 0x7fff0000;
    case 'SCMP_ACT_LOG':
      return 0x7ffc0000;
    case 'SCMP_ACT_TRACE':
      return 0x7ff00000 + code;
    case 'SCMP_ACT_ERRNO':
      return 0x00050000 + code;
    case 'SCMP_ACT_TRAP':
      return 0x00030000;
    case 'SCMP_ACT_KILL':
    case 'SCMP_ACT_KILL_THREAD':
      return 0x00000000;
    case 'SCMP_ACT_KILL_PROCESS':
      return 0x80000000;
    default:
      return wrong(where, `must be an action that filters know, not ${JSON.stringify(name)}`);
  }
}

/** A profile that names no processor is for all. */
function fitsProcessor(json: Json, { profileName }: Processor): boolean {
  const list = (field: string): readonly unknown[] => {
    const found = json[field];
    return Array.isArray(found) ? found : [];
  };
  const mapped = list('archMap').map((one) => (isObject(one) ? one['architecture'] : undefined));
  const named = [...list('architectures'), ...mapped];
  return named.length === 0 || named.includes(profileName);
}

/** Whether an entry is for this processor and these capabilities. Conditions on the kernel's version hold: none in use is as old. */
function isMeant(entry: Json, { processor, capabilities }: ProfileContext): boolean {
  const has = (cap: string): boolean => capabilities.includes(cap.replace(/^CAP_/, '').toLowerCase());
  const list = (of: unknown, field: string): readonly string[] => {
    const found = isObject(of) ? of[field] : undefined;
    return isTexts(found) ? found : [];
  };
  const { includes, excludes } = entry;
  const arches = list(includes, 'arches');
  if (arches.length > 0 && !arches.includes(processor.conditionName)) return false;
  if (list(excludes, 'arches').includes(processor.conditionName)) return false;
  return list(includes, 'caps').every(has) && !list(excludes, 'caps').some(has);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== '' && value !== null;
}

function wrong(field: string, rule: string): Failure {
  return failure('invalid', `${field === '' ? 'the profile' : field} ${rule}`, {
    field: 'linux_info.seccomp',
  });
}
