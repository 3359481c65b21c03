import { checkedMilli, failure, fromMilli, isFailure, type Failure } from '@meseta/model';
import type { Value_Scalar } from '../gen/meseta/v1/values';

/** Amounts by resource name, as in quotas and demands. */
export type Quantities = ReadonlyMap<string, number>;

/** Thousandths by name (R69); amounts of nothing are dropped. A failure names the resource and the rule. */
export function quantitiesFromProto(
  field: string,
  proto: Readonly<Record<string, Value_Scalar>>,
): Quantities | Failure {
  const quantities = new Map<string, number>();
  for (const [name, { value }] of Object.entries(proto)) {
    const path = `${field}[${name}]`;
    // The rule for names of resources: what separates fields in their text may not be in them.
    if (!/^[^\s/\\;:(){}[\]\p{Cc}]+$/u.test(name))
      return failure('invalid', `${path} must be the name of a resource`, { field: path });
    if (value === undefined) return failure('invalid', `${path} must have a value`, { field: path });
    const milli = checkedMilli(path, value);
    if (isFailure(milli)) return milli;
    if (milli > 0) quantities.set(name, milli);
  }
  return quantities;
}

export function quantitiesToProto(quantities: Quantities): Record<string, Value_Scalar> {
  return Object.fromEntries([...quantities].map(([name, milli]) => [name, { value: fromMilli(milli) }]));
}
