import { BinaryReader } from '@bufbuild/protobuf/wire';
import { fileDescriptors } from './descriptors';

/** The fields of a google.protobuf.FileDescriptorProto that this looks at. */
const [nameField, dependencyField] = [1, 3];

function read(bytes: Buffer): { name: string; imports: string[] } {
  const reader = new BinaryReader(bytes);
  let name = '';
  const imports: string[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === nameField) name = reader.string();
    else if (field === dependencyField) imports.push(reader.string());
    else reader.skip(type, field);
  }
  return { name, imports };
}

test('every file comes once, after those that it imports', () => {
  const seen = new Set<string>();
  for (const { name, imports } of fileDescriptors().map(read)) {
    expect(seen).not.toContain(name);
    expect([...seen]).toEqual(expect.arrayContaining(imports));
    seen.add(name);
  }
  expect([...seen]).toEqual(
    expect.arrayContaining([
      'meseta/v1/scheduler_service.proto',
      'meseta/internal/v1/registry.proto',
      'google/protobuf/duration.proto',
    ]),
  );
});

test('comments come along', () => {
  const file = fileDescriptors().find((bytes) => read(bytes).name === 'meseta/v1/ids.proto');
  expect(file?.toString()).toContain('FrameworkID names one framework for its whole life');
});
