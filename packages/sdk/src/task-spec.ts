import { FailureError } from '@meseta/kit';
import { Resources, failure, isFailure, validateId, nanosecondsOf } from '@meseta/model';
import {
  ContainerInfo_DockerInfo_Network,
  ContainerInfo_Type,
  Environment_Variable_Type,
  Image_Type,
  Volume_Mode,
  resourcesToProto,
  type CommandInfo,
  type ContainerInfo,
  type Image,
  type TaskInfo,
  type Volume,
} from '@meseta/protocol';
import { durationMsOf, type Duration } from './framework-options';
import { networkedContainer, type NetworkSpec } from './task-network';

/** A task, as its author describes it. What this has no word for goes into `info`. */
export interface TaskSpec extends NetworkSpec {
  /** For people; need not be unique. */
  readonly name: string;
  /** Unique within the framework, for ever; made from the name if unset. */
  readonly id?: string;
  /** A line for the shell, or a program and its arguments, which no shell sees. */
  readonly command?: string | readonly string[];
  /** What it needs, as `cpus:0.1;mem:32`. */
  readonly resources: string | Resources;
  /** An image of Docker or OCI to run it in; its own entry point runs if no command is given. */
  readonly image?: string;
  /** Who runs the image: the agent's Docker engine, or the agent itself, which is `process`; `docker` if unset. */
  readonly runtime?: 'docker' | 'process';
  /** Folders that a task in an image sees. */
  readonly volumes?: readonly {
    readonly hostPath: string;
    readonly containerPath: string;
    readonly readOnly?: boolean;
  }[];
  /** Of an image in Docker `host` or `bridge`, of any other task also the name of one of the agent's networks; the machine's if unset. A group says it for all its tasks. */
  readonly network?: string;
  /** Gives it a terminal, to which `meseta attach -i` types; then stderr goes to stdout, too. */
  readonly terminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** How long it may take to end after a kill before it is cut off: milliseconds or text; the agent's 3 s if unset. */
  readonly killGrace?: Duration;
  /** Fields of the message that replace what was made of the above. */
  readonly info?: Partial<TaskInfo>;
}

/** Turns a description into the message, without the agent and the resources, which the offer decides. */
export function taskInfoOf(spec: TaskSpec, newId: () => string): TaskInfo {
  const id = spec.id ?? `${spec.name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 100) || 'task'}-${newId()}`;
  const wrong = validateId('task id', id);
  if (wrong !== undefined) throw new FailureError(wrong);
  const graceMs = spec.killGrace === undefined ? undefined : durationMsOf(spec.killGrace);
  if (isFailure(graceMs)) throw new FailureError(graceMs);
  const container = containerOf(spec);
  const labels = Object.entries(spec.labels ?? {}).map(([key, value]) => ({ key, value }));
  return {
    name: spec.name,
    taskId: { value: id },
    resources: [],
    command: commandOf(spec, spec.info?.container ?? container),
    container,
    killPolicy: graceMs === undefined ? undefined : { gracePeriod: { nanoseconds: nanosecondsOf(graceMs) } },
    labels: labels.length === 0 ? undefined : { labels },
    limits: {},
    ...spec.info,
  };
}

/** The resources of a description, or of anything else that takes both forms. Throws a `FailureError` for wrong text. */
export function resourcesOf(wanted: string | Resources): Resources {
  const resources = typeof wanted === 'string' ? Resources.parse(wanted) : wanted;
  if (isFailure(resources)) throw new FailureError(resources);
  return resources;
}

/** Puts picked resources and the agent into the message. */
export function placeTask(info: TaskInfo, agentId: string, picked: Resources): TaskInfo {
  return { ...info, agentId: { value: agentId }, resources: resourcesToProto(picked) };
}

function commandOf(spec: TaskSpec, container: ContainerInfo | undefined): CommandInfo | undefined {
  const { command, image, env } = spec;
  if (
    command === undefined &&
    image === undefined &&
    spec.info?.command === undefined &&
    spec.info?.executor === undefined
  ) {
    throw new FailureError(
      failure('invalid', `task ${spec.name}: command or image must be given`, { field: 'command' }),
    );
  }
  if (spec.info?.executor !== undefined && command === undefined) return undefined;
  const variables = Object.entries(env ?? {}).map(([name, value]) => ({
    name,
    value,
    type: Environment_Variable_Type.VALUE,
  }));
  const base = {
    uris: [],
    user: spec.user,
    environment: variables.length === 0 ? undefined : { variables },
  };
  if (typeof command === 'string') return { ...base, shell: true, value: command, arguments: [] };
  if (command === undefined) return { ...base, shell: false, value: undefined, arguments: [] };
  // A program is its own first argument, but not for Docker, which is told its words one after the other.
  const inDocker = container?.type === ContainerInfo_Type.DOCKER;
  return { ...base, shell: false, value: command[0], arguments: command.slice(inDocker ? 1 : 0) };
}

function containerOf(spec: TaskSpec): ContainerInfo | undefined {
  const terminal = spec.terminal === true ? { ttyInfo: {} } : {};
  if (spec.image === undefined || spec.runtime === 'process') {
    const networked = networkedContainer(spec);
    if (spec.image === undefined && spec.terminal !== true) return networked;
    return {
      type: ContainerInfo_Type.MESOS,
      networkInfos: [],
      ...networked,
      volumes: spec.image === undefined ? [] : volumesOf(spec),
      ...(spec.image !== undefined && { mesos: { image: imageOf(spec.image) } }),
      ...terminal,
    };
  }
  if (spec.network !== undefined && !['host', 'bridge'].includes(spec.network))
    throw new FailureError(
      failure('invalid', `task ${spec.name}: the network of an image must be host or bridge`, {
        field: 'network',
      }),
    );
  return {
    ...terminal,
    type: ContainerInfo_Type.DOCKER,
    networkInfos: [],
    volumes: volumesOf(spec),
    docker: {
      image: spec.image,
      network:
        spec.network === 'bridge'
          ? ContainerInfo_DockerInfo_Network.BRIDGE
          : ContainerInfo_DockerInfo_Network.HOST,
      portMappings: [],
      parameters: [],
    },
  };
}

function imageOf(name: string): Image {
  return { type: Image_Type.DOCKER, docker: { name } };
}

function volumesOf({ volumes = [] }: TaskSpec): Volume[] {
  return volumes.map(({ hostPath, containerPath, readOnly }) => ({
    hostPath,
    containerPath,
    mode: readOnly === true ? Volume_Mode.RO : Volume_Mode.RW,
  }));
}
