import type { Failure } from './failure';
import { failure } from './failure';

/** The role that stands for "nobody in particular": what is reserved to it is not reserved. */
export const defaultRole = '*';

/**
 * The rule for role names (Mesos `roles::validate`): `*` alone, or components joined by `/`, each not empty, not `.` or `..`, without
 * a leading `-`, without whitespace, backslash or `*`.
 */
export function validateRole(role: string): Failure | undefined {
  if (role === defaultRole) return undefined;
  const refuse = (rule: string): Failure => failure('invalid', `role '${role}' ${rule}`, { field: 'role' });
  if (role.length === 0) return refuse('must not be empty');
  for (const component of role.split('/')) {
    if (component.length === 0) return refuse("must not begin or end with '/' or contain '//'");
    if (component === '.' || component === '..') return refuse(`must not have the component '${component}'`);
    if (component.startsWith('-')) return refuse("must not have a component that begins with '-'");
    if (component.includes('*')) return refuse("must not contain '*'");
    if (/[\s\\\p{Cc}]/u.test(component))
      return refuse('must not contain whitespace, backslash or control characters');
  }
  return undefined;
}

/** The role one level up: `a/b` for `a/b/c`; nothing for a role at the top. */
export function parentOf(role: string): string | undefined {
  const slash = role.lastIndexOf('/');
  return slash < 0 ? undefined : role.slice(0, slash);
}

/** Every role above this one, the nearest first. */
export function ancestorsOf(role: string): readonly string[] {
  const ancestors: string[] = [];
  for (let parent = parentOf(role); parent !== undefined; parent = parentOf(parent)) ancestors.push(parent);
  return ancestors;
}

/** Whether `role` is `ancestor` itself or lies below it. */
export function isWithin(role: string, ancestor: string): boolean {
  return (
    role === ancestor ||
    (role.length > ancestor.length && role.startsWith(ancestor) && role[ancestor.length] === '/')
  );
}
