import type {
  Server,
  ServiceDefinition,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type * as ProtoLoader from '@grpc/proto-loader';
import type * as GrpcReflection from '@grpc/reflection';
import { findProtoFile } from './protos';

/** The versions of the reflection protocol that tools speak: newer ones v1, most still v1alpha. */
const versions = ['v1', 'v1alpha'] as const;
type Version = (typeof versions)[number];

/**
 * Adds gRPC server reflection, read from the `.proto` files.
 *
 * Parsing them takes tens of milliseconds and megabytes that a service which nobody asks need not spend, so it
 * happens at the first question. That the files are there is checked at once.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
export function addReflection(server: Server, protoRoot: string, services: readonly string[]): void {
  const files = services.map((name) => findProtoFile(protoRoot, name));
  let loaded: ReadonlyMap<Version, Reflection> | undefined;
  const real = (version: Version): Reflection => {
    loaded ??= loadReflection(protoRoot, files, services);
    const found = loaded.get(version);
    if (found === undefined) throw new Error(`@grpc/reflection does not serve ${version}`);
    return found;
  };
  for (const version of versions) {
    server.addService(
      definitionOf(version, () => real(version)),
      {
        [method]: ((call: never) =>
          (real(version).handler as (call: never) => void)(call)) as UntypedHandleCall,
      },
    );
  }
}

const method = 'ServerReflectionInfo';

interface Reflection {
  readonly definition: ServiceDefinition[string];
  readonly handler: UntypedHandleCall;
}

/** The method's definition, with codecs that are looked up when the first message comes. */
function definitionOf(version: Version, real: () => Reflection): ServiceDefinition {
  return {
    [method]: {
      path: `/grpc.reflection.${version}.ServerReflection/${method}`,
      requestStream: true,
      responseStream: true,
      requestSerialize: (value: unknown) => real().definition.requestSerialize(value),
      requestDeserialize: (bytes: Buffer): unknown => real().definition.requestDeserialize(bytes),
      responseSerialize: (value: unknown) => real().definition.responseSerialize(value),
      responseDeserialize: (bytes: Buffer): unknown => real().definition.responseDeserialize(bytes),
    },
  };
}

function loadReflection(
  protoRoot: string,
  files: readonly string[],
  services: readonly string[],
): ReadonlyMap<Version, Reflection> {
  // Required here and not above: see the note on lateness at `addReflection`.
  /* eslint-disable @typescript-eslint/no-require-imports */
  const { loadSync } = require('@grpc/proto-loader') as typeof ProtoLoader;
  const { ReflectionService } = require('@grpc/reflection') as typeof GrpcReflection;
  /* eslint-enable @typescript-eslint/no-require-imports */
  const found = new Map<Version, Reflection>();
  const definitions = loadSync([...files], { includeDirs: [protoRoot], keepCase: true });
  new ReflectionService(definitions, { services: [...services] }).addToServer({
    addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation) {
      const info = definition[method];
      const handler = implementation[method];
      const version = versions.find((candidate) => info?.path.startsWith(`/grpc.reflection.${candidate}.`));
      if (info !== undefined && handler !== undefined && version !== undefined) {
        found.set(version, { definition: info, handler });
      }
    },
  });
  return found;
}
