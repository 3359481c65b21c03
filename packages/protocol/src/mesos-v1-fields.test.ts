/**
 * The public messages against the table of the Mesos v1 API (`testdata/mesos-v1-fields.json`): the same names, numbers and
 * types, so that the bytes and the JSON of existing clients mean the same here.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createFileRegistry, fromBinary, ScalarType } from '@bufbuild/protobuf';
import type { DescField, DescMessage, FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import {
  CapabilityInfo,
  CapabilityInfo_Capability,
  Offer_Operation,
  Offer_Operation_Type,
  OfferFilters,
  scheduler,
  TaskInfo,
  TaskState,
  TaskStatus,
  TaskStatus_Reason,
  TaskStatus_Source,
  Value,
  Value_Type,
} from '.';

interface FieldOfTable {
  readonly n: number;
  readonly t: string;
  readonly r?: 'repeated';
}
interface Table {
  readonly messages: Readonly<Record<string, Readonly<Record<string, FieldOfTable>>>>;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Fields that the table shows with the type of their values: in Mesos they are maps from a string. */
const maps = new Set([
  'FrameworkInfo.offer_filters',
  'OfferFilters.ResourceQuantities.quantities',
  'Task.limits',
  'TaskInfo.limits',
  'Volume.Source.CSIVolume.StaticProvisioning.node_publish_secrets',
  'Volume.Source.CSIVolume.StaticProvisioning.node_stage_secrets',
  'Volume.Source.CSIVolume.StaticProvisioning.volume_context',
  'agent.Call.LaunchContainer.limits',
  'quota.QuotaConfig.guarantees',
  'quota.QuotaConfig.limits',
  'scheduler.OfferConstraints.role_constraints',
]);

const repository = resolve(__dirname, '../../..');
const table = JSON.parse(readFileSync(join(__dirname, 'testdata/mesos-v1-fields.json'), 'utf8')) as Table;
const registry = loadProtos();

describe('messages', () => {
  test.each(Object.entries(table.messages))('%s', (name, expected) => {
    expect(fieldsOf(registry.getMessage(`meseta.v1.${name}`))).toEqual(
      Object.fromEntries(
        Object.entries(expected).map(([field, { n, t, r }]) => [
          field,
          `${n} ${maps.has(`${name}.${field}`) ? `map<string, ${t}>` : r ? `repeated ${t}` : t}`,
        ]),
      ),
    );
  });

  test('a single number, text or enum says whether it is set', () => {
    const without = publicMessages().flatMap((message) =>
      message.fields
        .filter((field) => field.fieldKind === 'scalar' || field.fieldKind === 'enum')
        .filter((field) => !field.proto.proto3Optional && field.oneof === undefined)
        .map((field) => `${message.typeName}.${field.name}`),
    );
    expect(without).toEqual([]);
  });

  test('repeated numbers are written one by one, as proto2 does', () => {
    const packed = publicMessages().flatMap((message) =>
      message.fields
        .filter((field) => field.fieldKind === 'list' && field.packed)
        .map((field) => `${message.typeName}.${field.name}`),
    );
    expect(packed).toEqual([]);
  });
});

describe('enums', () => {
  test.each(Object.entries(table.enums))('%s', (name, expected) => {
    const values = registry.getEnum(`meseta.v1.${name}`)?.values ?? [];
    const actual = Object.fromEntries(values.map((value) => [value.name, value.number]));
    if (!Object.values(expected).includes(0)) {
      // proto3 wants a zero; it says "not set" and never collides with a name of Mesos.
      const zero = values.find((value) => value.number === 0)?.name ?? '';
      expect(zero).toMatch(/_UNSPECIFIED$/);
      delete actual[zero];
    }
    expect(actual).toEqual(expected);
  });
});

describe('bytes written by hand, field by field', () => {
  test('a status update of a Mesos executor', () => {
    const bytes = message(
      bytesField(1, message(text(1, 'task-1'))),
      varint(2, 1), // TASK_RUNNING
      bytesField(4, Buffer.from('up')),
      varint(9, 2), // SOURCE_EXECUTOR
      varint(10, 29), // REASON_TASK_HEALTH_CHECK_STATUS_UPDATED
      bytesField(11, Buffer.from([1, 2, 3])),
      varint(8, 1), // healthy: fields may come in any order
    );
    const status = TaskStatus.decode(bytes);
    expect(status).toMatchObject({
      taskId: { value: 'task-1' },
      state: TaskState.TASK_RUNNING,
      message: 'up',
      healthy: true,
      source: TaskStatus_Source.EXECUTOR,
      reason: TaskStatus_Reason.TASK_HEALTH_CHECK_STATUS_UPDATED,
      timestamp: undefined,
    });
    expect(Buffer.from(TaskStatus.encode(status).finish())).toEqual(bytes);
    expect(TaskStatus.toJSON(status)).toEqual({
      taskId: { value: 'task-1' },
      state: 'TASK_RUNNING',
      message: 'up',
      healthy: true,
      source: 'SOURCE_EXECUTOR',
      reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED',
      uuid: 'AQID',
    });
  });

  test('a zero that is set is not the same as an unset field', () => {
    const zero = TaskStatus.decode(message(varint(2, 0), varint(8, 0)));
    expect(zero.state).toBe(TaskState.TASK_STARTING);
    expect(zero.healthy).toBe(false);
    expect(Buffer.from(TaskStatus.encode(zero).finish())).toEqual(message(varint(2, 0), varint(8, 0)));
    expect(TaskStatus.decode(Buffer.alloc(0)).state).toBeUndefined();
  });

  test('a scalar resource value', () => {
    const bytes = message(varint(1, 0), bytesField(2, message(double(1, 1.5))));
    expect(Value.decode(bytes)).toMatchObject({ type: Value_Type.SCALAR, scalar: { value: 1.5 } });
  });

  test("the limits of a task are a map: an entry is a key and a value, as Mesos's are", () => {
    const bytes = message(
      text(1, 'web'),
      bytesField(15, message(text(1, 'mem'), bytesField(2, message(double(1, 64))))),
    );
    expect(TaskInfo.decode(bytes).limits).toEqual({ mem: { value: 64 } });
    expect(Buffer.from(TaskInfo.encode(TaskInfo.decode(bytes)).finish())).toEqual(bytes);
    const filters = message(
      bytesField(1, message(bytesField(1, message(bytesField(1, message(text(1, 'cpus'))))))),
    );
    expect(OfferFilters.decode(filters).minAllocatableResources?.quantities).toHaveLength(1);
  });

  test('repeated enums, written one by one and packed', () => {
    const oneByOne = message(varint(1, 1000), varint(1, 1040));
    const packed = message(bytesField(1, Buffer.from([0xe8, 0x07, 0x90, 0x08])));
    const expected = [CapabilityInfo_Capability.CHOWN, CapabilityInfo_Capability.CHECKPOINT_RESTORE];
    expect(CapabilityInfo.decode(oneByOne).capabilities).toEqual(expected);
    expect(CapabilityInfo.decode(packed).capabilities).toEqual(expected);
    expect(Buffer.from(CapabilityInfo.encode(CapabilityInfo.decode(packed)).finish())).toEqual(oneByOne);
  });

  test('a scheduler call with an operation', () => {
    const operation = message(varint(1, 6), bytesField(7, message())); // LAUNCH_GROUP
    const bytes = message(
      bytesField(1, message(text(1, 'fw'))),
      varint(2, 3), // ACCEPT
      bytesField(4, message(bytesField(1, message(text(1, 'o1'))), bytesField(2, operation))),
    );
    const call = scheduler.Call.decode(bytes);
    expect(call.type).toBe(scheduler.Call_Type.ACCEPT);
    expect(call.accept?.offerIds).toEqual([{ value: 'o1' }]);
    expect(call.accept?.operations[0]?.type).toBe(Offer_Operation_Type.LAUNCH_GROUP);
    expect(Buffer.from(scheduler.Call.encode(call).finish())).toEqual(bytes);
    expect(Offer_Operation.decode(operation).launchGroup).toBeDefined();
  });
});

function loadProtos(): FileRegistry {
  const descriptors = execFileSync(
    join(repository, 'node_modules/.bin/buf'),
    ['build', join(repository, 'protos'), '-o', '-'],
    { maxBuffer: 64 << 20 },
  );
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, new Uint8Array(descriptors)));
}

function publicMessages(): DescMessage[] {
  return Object.keys(table.messages).flatMap((name) => registry.getMessage(`meseta.v1.${name}`) ?? []);
}

/** The fields of a message in the words of the table. */
function fieldsOf(message: DescMessage | undefined): Record<string, string> | undefined {
  return message && Object.fromEntries(message.fields.map((field) => [field.name, describeField(field)]));
}

function describeField(field: DescField): string {
  switch (field.fieldKind) {
    case 'list':
      return `${field.number} repeated ${elementOf(field.listKind === 'scalar' ? field.scalar : (field.message ?? field.enum))}`;
    case 'map': {
      const value = elementOf(field.mapKind === 'scalar' ? field.scalar : (field.message ?? field.enum));
      return `${field.number} map<${elementOf(field.mapKey)}, ${value}>`;
    }
    case 'scalar':
      return `${field.number} ${elementOf(field.scalar)}`;
    case 'enum':
      return `${field.number} ${elementOf(field.enum)}`;
    case 'message':
      return `${field.number} ${elementOf(field.message)}`;
  }
}

function elementOf(element: ScalarType | { readonly typeName: string } | undefined): string {
  if (element === undefined) return 'unknown';
  if (typeof element === 'number') return ScalarType[element].toLowerCase();
  return element.typeName.startsWith('meseta.v1.')
    ? element.typeName.slice('meseta.v1.'.length)
    : `.${element.typeName}`;
}

// The wire format by hand (https://protobuf.dev/programming-guides/encoding/): a tag is number << 3 | kind.

function message(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields);
}

function varint(number: number, value: number): Buffer {
  return Buffer.concat([encodeVarint(number << 3), encodeVarint(value)]);
}

function double(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([encodeVarint((number << 3) | 1), bytes]);
}

function bytesField(number: number, value: Buffer): Buffer {
  return Buffer.concat([encodeVarint((number << 3) | 2), encodeVarint(value.length), value]);
}

function text(number: number, value: string): Buffer {
  return bytesField(number, Buffer.from(value));
}

function encodeVarint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}
