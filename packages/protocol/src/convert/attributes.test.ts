import { isFailure, parseAttributes, taskStates, type TaskState } from '@meseta/model';
import { TaskState as ProtoTaskState } from '../gen/meseta/v1/task_status';
import { Value_Type } from '../gen/meseta/v1/values';
import { attributesFromProto, attributesToProto } from './attributes';
import { taskStateFromProto, taskStateToProto } from './task-state';

describe('attributes on the wire', () => {
  test('there and back is the same', () => {
    const attributes = parseAttributes('rack:a;level:-10.5;keys:[1-5]');
    if (isFailure(attributes)) throw new Error(attributes.message);
    expect(attributesFromProto(attributesToProto(attributes))).toEqual(attributes);
  });

  test('a set is refused', () => {
    expect(attributesFromProto([{ name: 'a', type: Value_Type.SET, set: { item: ['x'] } }])).toMatchObject({
      kind: 'invalid',
      message: 'attribute a must be of type SCALAR, RANGES or TEXT',
    });
  });
});

describe('task states on the wire', () => {
  test('there and back is the same', () => {
    for (const state of Object.keys(taskStates) as TaskState[])
      expect(taskStateFromProto(taskStateToProto(state))).toBe(state);
  });

  test('what is unset or made up by a newer peer is a failure', () => {
    expect(taskStateFromProto(undefined)).toMatchObject({ kind: 'invalid' });
    expect(taskStateFromProto(ProtoTaskState.UNRECOGNIZED)).toMatchObject({ kind: 'invalid' });
  });
});
