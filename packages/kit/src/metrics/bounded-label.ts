/**
 * Bounds the values of a label that come from outside, as roles do: the first `valuesMax` keep their names, and every
 * later one is called "other". Without it whoever invents names could make as many series as they like.
 */
export function boundedLabel(valuesMax: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= valuesMax) return otherLabel;
    known.add(value);
    return value;
  };
}

/** What stands for the values beyond the bound. */
export const otherLabel = 'other';
