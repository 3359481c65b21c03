import type { Resource } from '@meseta/model';
import type { Names } from '../names';

/** Thousandths by the number of a name: two short lists side by side, because most bags have three scalars. Never changed. */
export interface Amounts {
  readonly names: readonly number[];
  readonly milli: readonly number[];
}

export const noAmounts: Amounts = { names: [], milli: [] };

/** Sums the scalars that are to be counted. Copies of one shared volume must have been left out by the caller. */
export function amountsOf(
  entries: readonly Resource[],
  names: Names,
  counts: (entry: Resource) => boolean,
): Amounts {
  const ids: number[] = [];
  const milli: number[] = [];
  for (const entry of entries) {
    if (entry.value.kind !== 'scalar' || !counts(entry)) continue;
    const id = names.idOf(entry.name);
    const at = ids.indexOf(id);
    if (at >= 0) milli[at] = (milli[at] as number) + entry.value.milli;
    else {
      ids.push(id);
      milli.push(entry.value.milli);
    }
  }
  return ids.length === 0 ? noAmounts : { names: ids, milli };
}

/** How much there is of a name. */
export function amountOf({ names, milli }: Amounts, name: number): number {
  const at = names.indexOf(name);
  return at < 0 ? 0 : (milli[at] as number);
}
