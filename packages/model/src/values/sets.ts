import type { Failure } from '../failure';
import { failure } from '../failure';

/** Sets of strings in normal form: sorted, each item once. Every function here gives and expects this form. */
export type Items = readonly string[];

export const noItems: Items = [];

export function normalItems(items: Iterable<string>): Items {
  return [...new Set(items)].sort();
}

export function itemsUnion(a: Items, b: Items): Items {
  return a.length === 0 ? b : b.length === 0 ? a : normalItems([...a, ...b]);
}

export function itemsDifference(a: Items, b: Items): Items {
  if (b.length === 0) return a;
  const gone = new Set(b);
  return a.filter((item) => !gone.has(item));
}

export function itemsContain(a: Items, b: Items): boolean {
  const held = new Set(a);
  return b.every((item) => held.has(item));
}

export function itemsEqual(a: Items, b: Items): boolean {
  return a === b || (a.length === b.length && a.every((item, i) => item === b[i]));
}

/** Reads `{a,b}`. */
export function parseItems(field: string, text: string): Items | Failure {
  const inner = /^\{(.*)\}$/.exec(text)?.[1];
  if (inner === undefined)
    return failure('invalid', `${field} must be a set such as {a,b}, not '${text}'`, { field });
  if (inner.trim() === '') return noItems;
  const items = inner.split(',').map((item) => item.trim());
  if (items.includes('')) return failure('invalid', `${field} must not have an empty item`, { field });
  if (new Set(items).size !== items.length)
    return failure('invalid', `${field} must not name an item twice`, { field });
  return normalItems(items);
}

export function printItems(items: Items): string {
  return `{${items.join(',')}}`;
}
