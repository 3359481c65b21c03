import { gunzipSync } from 'node:zlib';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { zipped } from './gen/descriptors';

/** The field of a google.protobuf.FileDescriptorSet that holds the files. */
const fileField = 1;

/**
 * Every `.proto` file as a serialized google.protobuf.FileDescriptorProto, with its comments, each after those that it
 * imports. It is what gRPC server reflection tells.
 */
export function fileDescriptors(): readonly Buffer[] {
  const set = new BinaryReader(gunzipSync(Buffer.from(zipped, 'base64')));
  const files: Buffer[] = [];
  while (set.pos < set.len) {
    const [field, type] = set.tag();
    if (field === fileField) files.push(Buffer.from(set.bytes()));
    else set.skip(type, field);
  }
  return files;
}
