import type {
  Server,
  ServiceDefinition,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import type * as GrpcReflection from '@grpc/reflection';
import { fileDescriptors } from '@meseta/protocol';

/** The versions of the reflection protocol that tools speak: newer ones v1, most still v1alpha. */
const versions = ['v1', 'v1alpha'] as const;
type Version = (typeof versions)[number];

/**
 * Adds gRPC server reflection of those of the `services` that protos/ defines.
 *
 * Reading them takes tens of milliseconds and megabytes that a service which nobody asks need not spend, so it happens at
 * the first question. The descriptors are a compiler's: @grpc/proto-loader, which the library would use, makes one
 * file of each package, and two packages that use each other then import each other, which no client can read.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
export function addReflection(server: Server, services: readonly string[]): void {
  let loaded: ReadonlyMap<Version, Reflection> | undefined;
  const real = (version: Version): Reflection => {
    loaded ??= loadReflection(services);
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

function loadReflection(services: readonly string[]): ReadonlyMap<Version, Reflection> {
  // Required here and not above: see the note on lateness at `addReflection`.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { ReflectionService } = require('@grpc/reflection') as typeof GrpcReflection;
  const found = new Map<Version, Reflection>();
  // Of a package definition the library reads the descriptors only, whatever they are attached to.
  const definitions: PackageDefinition = {
    files: {
      format: 'Protocol Buffer 3 EnumDescriptorProto',
      type: {},
      fileDescriptorProtos: [...fileDescriptors()],
    },
  };
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
