import type { HealthCheck } from '../gen/meseta/v1/checks';
import type { CommandInfo } from '../gen/meseta/v1/commands';
import type { ContainerInfo } from '../gen/meseta/v1/containers';
import type { ExecutorInfo } from '../gen/meseta/v1/executors';
import type { Secret } from '../gen/meseta/v1/secrets';

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
  return withoutLogIn(withoutFiles(container));
}

/** The image without what lets its agent have it. */
function withoutLogIn(container: ContainerInfo): ContainerInfo {
  const { mesos } = container;
  const docker = mesos?.image?.docker;
  if (docker?.config?.value === undefined) return container;
  const image = { ...mesos?.image, docker: { ...docker, config: withoutValue(docker.config) } };
  return { ...container, mesos: { ...mesos, image } };
}

function withoutFiles(container: ContainerInfo): ContainerInfo {
  if (!container.volumes.some(({ source }) => source?.secret?.value !== undefined)) return container;
  const volumes = container.volumes.map((volume) =>
    volume.source === undefined
      ? volume
      : { ...volume, source: { ...volume.source, secret: withoutValue(volume.source.secret) } },
  );
  return { ...container, volumes };
}

function withoutValue(secret: Secret | undefined): Secret | undefined {
  return secret === undefined ? undefined : { ...secret, value: undefined };
}
