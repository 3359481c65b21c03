import { describe, expect, test } from '@jest/globals';
import { isFailure, Resources, type Resource, type ResourceOperation } from '@meseta/model';
import { resourceOperationFromProto, resourceOperationToProto } from './operations';

const volume: Resource = {
  name: 'disk',
  value: { kind: 'scalar', milli: 64_000 },
  reservations: [{ type: 'DYNAMIC', role: 'web', principal: 'ops' }],
  disk: { persistence: { id: 'v' }, volume: { containerPath: 'data', mode: 'RW' } },
};
const plain: Resource = { ...volume, disk: undefined };

describe('operations on the wire', () => {
  test.each<ResourceOperation>([
    { kind: 'reserve', resources: Resources.of([plain]), source: Resources.empty },
    { kind: 'unreserve', resources: Resources.of([plain]) },
    { kind: 'create', volumes: Resources.of([volume]) },
    { kind: 'destroy', volumes: Resources.of([volume]) },
    { kind: 'growVolume', volume, addition: plain },
    { kind: 'shrinkVolume', volume, subtractMilli: 1500 },
  ])('$kind is read as it was written', (operation) => {
    const read = resourceOperationFromProto(resourceOperationToProto(operation));
    expect(JSON.parse(JSON.stringify(read))).toEqual(JSON.parse(JSON.stringify(operation)));
  });

  test('what lacks its part, or does not change resources, is refused by name', () => {
    const reserve = { ...resourceOperationToProto({ kind: 'unreserve', resources: Resources.of([plain]) }) };
    const refused = resourceOperationFromProto({ ...reserve, unreserve: undefined });
    expect(isFailure(refused) && refused.message).toBe('unreserve must be set');
    expect(resourceOperationFromProto({ ...reserve, type: undefined })).toMatchObject({ kind: 'invalid' });
  });
});
