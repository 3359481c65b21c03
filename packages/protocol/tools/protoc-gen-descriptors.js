#!/usr/bin/env node
// A plugin for buf and protoc: writes descriptors.ts, which holds every .proto file as a compiler sees it, comments included, for gRPC
// server reflection. A plugin's request carries them already, one FileDescriptorProto each, and they are passed on as they came.
//
// See https://protobuf.dev/reference/cpp/api-docs/google.protobuf.compiler.plugin.pb/ for the messages on stdin and stdout.
'use strict';

const { gzipSync } = require('node:zlib');
const { readFileSync, writeSync } = require('node:fs');
const { BinaryReader, BinaryWriter, WireType } = require('@bufbuild/protobuf/wire');

/** CodeGeneratorRequest.proto_file, and FileDescriptorSet.file. */
const protoFile = 15;
const setFile = 1;
/** CodeGeneratorResponse.supported_features and .file; CodeGeneratorResponse.File.name and .content. */
const [supportedFeatures, proto3Optional, responseFile, fileName, fileContent] = [2, 1, 15, 1, 15];

const request = new BinaryReader(readFileSync(0));
const set = new BinaryWriter();
while (request.pos < request.len) {
  const [field, type] = request.tag();
  if (field === protoFile) set.tag(setFile, WireType.LengthDelimited).bytes(request.bytes());
  else request.skip(type, field);
}

const lines = gzipSync(set.finish(), { level: 9 })
  .toString('base64')
  .match(/.{1,100}/g);
const content = `/** A google.protobuf.FileDescriptorSet, zipped, in base64. */
export const zipped = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');
`;
const response = new BinaryWriter();
response.tag(supportedFeatures, WireType.Varint).uint32(proto3Optional);
response.tag(responseFile, WireType.LengthDelimited).fork();
response.tag(fileName, WireType.LengthDelimited).string('descriptors.ts');
response.tag(fileContent, WireType.LengthDelimited).string(content);
response.join();
writeSync(1, response.finish());
