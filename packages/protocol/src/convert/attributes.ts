import type { Attribute, Failure } from '@meseta/model';
import { checkedMilli, failure, fromMilli, isFailure } from '@meseta/model';
import type { Attribute as ProtoAttribute } from '../gen/meseta/v1/attributes';
import { Value_Type } from '../gen/meseta/v1/values';
import { rangesFromProto, rangesToProto } from './values';

/** Attributes as they go over the wire. */
export function attributesToProto(attributes: readonly Attribute[]): ProtoAttribute[] {
  return attributes.map(({ name, value }) => {
    switch (value.kind) {
      case 'scalar':
        return { name, type: Value_Type.SCALAR, scalar: { value: fromMilli(value.milli) } };
      case 'ranges':
        return { name, type: Value_Type.RANGES, ranges: rangesToProto(value.ranges) };
      case 'text':
        return { name, type: Value_Type.TEXT, text: { value: value.text } };
    }
  });
}

/** Attributes that came over the wire; a failure names the one that broke a rule. */
export function attributesFromProto(attributes: readonly ProtoAttribute[]): readonly Attribute[] | Failure {
  const converted: Attribute[] = [];
  for (const attribute of attributes) {
    const one = attributeFromProto(attribute);
    if (isFailure(one)) return one;
    converted.push(one);
  }
  return converted;
}

function attributeFromProto({ name, type, scalar, ranges, text }: ProtoAttribute): Attribute | Failure {
  if (name === undefined || name === '')
    return failure('invalid', 'attribute name must be set', { field: 'name' });
  const field = `attribute ${name}`;
  switch (type) {
    case Value_Type.SCALAR: {
      const value = scalar?.value;
      if (value === undefined) return failure('invalid', `${field} must have a scalar`, { field });
      // Unlike an amount an attribute may be negative.
      const milli = checkedMilli(field, Math.abs(value));
      return isFailure(milli)
        ? milli
        : { name, value: { kind: 'scalar', milli: value < 0 ? -milli : milli } };
    }
    case Value_Type.RANGES: {
      const converted = rangesFromProto(field, ranges);
      return isFailure(converted) ? converted : { name, value: { kind: 'ranges', ranges: converted } };
    }
    case Value_Type.TEXT:
      if (text?.value === undefined) return failure('invalid', `${field} must have a text`, { field });
      return { name, value: { kind: 'text', text: text.value } };
    default:
      return failure('invalid', `${field} must be of type SCALAR, RANGES or TEXT`, { field });
  }
}
