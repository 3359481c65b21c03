import { failure, isFailure, type Failure } from '@meseta/model';
import { keyBytesMax } from '../record';

/** What was described, and the id in the description. */
export interface Described<Info> {
  readonly id: string;
  readonly info: Info;
}

/** A description that is there and has an id. `field` is its path in the operation, as the proto spells it. */
export function checkInfo<Info extends { readonly id?: { readonly value?: string | undefined } | undefined }>(
  info: Info | undefined,
  field: string,
): Described<Info> | Failure {
  if (info === undefined) return failure('invalid', `${field} must be set`, { field });
  const id = checkId(info.id, `${field}.id`);
  return isFailure(id) ? id : { id, info };
}

/** An id that is there and fits into a key. */
export function checkId(
  id: { readonly value?: string | undefined } | undefined,
  field: string,
): string | Failure {
  return checkName(id?.value ?? '', `${field}.value`);
}

/** A name that is there and fits into a key. */
export function checkName(name: string, field: string): string | Failure {
  if (name === '') return failure('invalid', `${field} must be set`, { field });
  if (name.length > nameLengthMax) {
    return failure('invalid', `${field} must be at most ${nameLengthMax} characters`, { field });
  }
  return name;
}

/** A UTF-16 unit is at most three bytes of UTF-8, so this many of them fit into a key behind its folder. */
const nameLengthMax = Math.floor((keyBytesMax - 24) / 3);

/** An instant after the epoch, as milliseconds. */
export function checkInstant(ms: bigint, field: string): number | Failure {
  if (ms <= 0n || ms > BigInt(Number.MAX_SAFE_INTEGER)) {
    return failure('invalid', `${field} must be milliseconds since the epoch`, { field });
  }
  return Number(ms);
}
