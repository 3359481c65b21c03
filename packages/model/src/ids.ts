import type { Failure } from './failure';
import { failure } from './failure';

declare const brand: unique symbol;

/** A value that only its own constructor makes, so that a task id is never passed for an agent id. */
export type Branded<T, Name extends string> = T & { readonly [brand]: Name };

export type FrameworkId = Branded<string, 'FrameworkId'>;
export type AgentId = Branded<string, 'AgentId'>;
export type TaskId = Branded<string, 'TaskId'>;
export type OfferId = Branded<string, 'OfferId'>;
export type ExecutorId = Branded<string, 'ExecutorId'>;
export type ContainerId = Branded<string, 'ContainerId'>;
export type OperationId = Branded<string, 'OperationId'>;

/** Casts; whether the text may be used as an id is {@link validateId}'s question, asked where it enters. */
export const frameworkId = (value: string): FrameworkId => value as FrameworkId;
export const agentId = (value: string): AgentId => value as AgentId;
export const taskId = (value: string): TaskId => value as TaskId;
export const offerId = (value: string): OfferId => value as OfferId;
export const executorId = (value: string): ExecutorId => value as ExecutorId;
export const containerId = (value: string): ContainerId => value as ContainerId;
export const operationId = (value: string): OperationId => value as OperationId;

/** Ids become names of directories, whose length file systems bound at 255 bytes. */
export const idBytesMax = 255;

/**
 * The rule for ids that become paths on an agent (Mesos `validateID`): not empty, at most 255 bytes, no slash or
 * backslash, no control character, and neither `.` nor `..`.
 *
 * @param kind what the id names, for the message: `task id`
 * @returns a failure of kind `invalid`, or nothing when the id is good
 */
export function validateId(kind: string, value: string): Failure | undefined {
  const refuse = (rule: string): Failure => failure('invalid', `${kind} ${rule}`, { field: kind });
  if (value.length === 0) return refuse('must not be empty');
  if (utf8Length(value) > idBytesMax) return refuse(`must not be longer than ${idBytesMax} bytes`);
  if (value === '.' || value === '..') return refuse(`must not be '${value}'`);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return refuse('must not contain control characters');
    if (code === 0x2f || code === 0x5c) return refuse(`must not contain '${value.charAt(i)}'`);
  }
  return undefined;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
