import type { HealthCheck } from '../gen/meseta/v1/checks';
import type { CommandInfo } from '../gen/meseta/v1/commands';
import type { ContainerInfo } from '../gen/meseta/v1/containers';
import type { ExecutorInfo } from '../gen/meseta/v1/executors';
import type { Image } from '../gen/meseta/v1/images';
import type { Secret } from '../gen/meseta/v1/secrets';
import type { Volume } from '../gen/meseta/v1/volumes';

/** An executor as it may be shown: the values of its secrets are left out, references stay. */
export function executorWithoutSecrets(info: ExecutorInfo): ExecutorInfo {
  return {
    ...info,
    command: commandWithoutSecrets(info.command),
    container: containerWithoutSecrets(info.container),
  };
}

/** A command as it may be shown. */
export function commandWithoutSecrets(command: CommandInfo | undefined): CommandInfo | undefined {
  const variables = command?.environment?.variables;
  if (command === undefined || variables?.some(({ secret }) => secret?.value !== undefined) !== true)
    return command;
  return {
    ...command,
    environment: {
      variables: variables.map((variable) => ({ ...variable, secret: withoutValue(variable.secret) })),
    },
  };
}

/** A health check as it may be shown. */
export function healthCheckWithoutSecrets(check: HealthCheck | undefined): HealthCheck | undefined {
  return check?.command === undefined ? check : { ...check, command: commandWithoutSecrets(check.command) };
}

/** A container as it may be shown. */
export function containerWithoutSecrets(container: ContainerInfo | undefined): ContainerInfo | undefined {
  if (container === undefined) return container;
  const { mesos, volumes } = container;
  const hasFiles = volumes.some(
    ({ source, image }) => source?.secret?.value !== undefined || hasLogIn(image),
  );
  return {
    ...container,
    ...(hasLogIn(mesos?.image) && { mesos: { ...mesos, image: imageWithoutLogIn(mesos?.image) } }),
    ...(hasFiles && { volumes: volumes.map(volumeWithoutSecrets) }),
  };
}

function volumeWithoutSecrets(volume: Volume): Volume {
  const { source, image } = volume;
  return {
    ...volume,
    ...(source !== undefined && { source: { ...source, secret: withoutValue(source.secret) } }),
    ...(hasLogIn(image) && { image: imageWithoutLogIn(image) }),
  };
}

function hasLogIn(image: Image | undefined): boolean {
  return image?.docker?.config?.value !== undefined;
}

/** An image without what lets its agent have it. */
function imageWithoutLogIn(image: Image | undefined): Image | undefined {
  return image?.docker === undefined
    ? image
    : { ...image, docker: { ...image.docker, config: withoutValue(image.docker.config) } };
}

function withoutValue(secret: Secret | undefined): Secret | undefined {
  return secret === undefined ? undefined : { ...secret, value: undefined };
}
