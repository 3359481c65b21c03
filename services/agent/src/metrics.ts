import {
  createMetrics,
  createQueueSeries,
  createSpanSeries,
  createStreamSeries,
  type Metrics,
} from '@meseta/kit';
import { createContainerSeries } from './handlers/container-series';

/** Every series of the agent. */
export type AgentMetrics = ReturnType<typeof createAgentMetrics>;

export function createAgentMetrics(metrics: Metrics = createMetrics('agent')) {
  const queues = createQueueSeries(metrics);
  return {
    queues,
    streams: createStreamSeries(metrics, queues),
    spans: createSpanSeries(metrics, queues),
    registry: metrics.registry,
    eachContainer: createContainerSeries(metrics),
    containers: metrics.gauge('containers', 'Containers that run now.', ['runtime']),
    unacknowledged: metrics.gauge(
      'status_updates_unacknowledged',
      'Status updates that no framework has acknowledged yet.',
    ),
    statusUpdates: metrics.counter(
      'status_updates_total',
      'Status updates made, by the state that they tell.',
      ['state'],
    ),
    statusRetries: metrics.counter(
      'status_update_retries_total',
      'Status updates sent again because nobody acknowledged them.',
    ),
    recoveryErrors: metrics.counter(
      'recovery_errors_total',
      'Records of the checkpoint that could not be read when the agent started, and were left out (--no-strict).',
    ),
    sandboxesDeleted: metrics.counter(
      'sandboxes_deleted_total',
      'Sandboxes of tasks that have ended which were deleted because they were old or the disk was full.',
    ),
    fetches: metrics.counter('fetches_total', 'URIs that were to be fetched, by how that went.', ['outcome']),
    imagePulls: metrics.counter('image_pulls_total', 'Images that were to be pulled, by how that went.', [
      'outcome',
    ]),
    imagesDeleted: metrics.counter(
      'images_deleted_total',
      'Images that were deleted because the disk of the Docker engine was full.',
    ),
    operations: metrics.counter(
      'operations_total',
      'Operations on the agent’s resources that have ended, by how.',
      ['state'],
    ),
    operationRetries: metrics.counter(
      'operation_retries_total',
      'Operations told again because nobody acknowledged them.',
    ),
    executors: metrics.gauge(
      'executors',
      'Executors of frameworks and of task groups that run now, by type.',
      ['type'],
    ),
    launches: metrics.counter('launches_total', 'Containers asked for, by runtime and by how that went.', [
      'runtime',
      'outcome',
    ]),
    launchSeconds: metrics.histogram(
      'launch_seconds',
      'From the order to launch until the task’s process exists.',
      ['runtime'],
    ),
    commitSeconds: metrics.histogram(
      'checkpoint_commit_seconds',
      'How long a turn’s writes take to be durable.',
    ),
    turnSeconds: metrics.histogram(
      'turn_seconds',
      'Time of one turn of the loop, without its writes.',
      [],
      [0.00005, 0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 2],
    ),
    networkCommands: metrics.counter(
      'network_commands_total',
      'Containers that were to be taken into a network (ADD) or out of it (DEL), by how that went.',
      ['command', 'outcome'],
    ),
    networkSeconds: metrics.histogram(
      'network_command_seconds',
      'How long the plugins of a network take to take a container in or out.',
      ['command'],
    ),
    registrations: metrics.counter('registrations_total', 'Times that a master took the agent in.'),
    registered: metrics.gauge('registered', '1 while a master has taken the agent in.'),
    term: metrics.gauge('term', 'The highest term of a master that was obeyed.'),
    messagesIgnored: metrics.counter(
      'messages_ignored_total',
      'Messages of a master of a kind that this agent does not know.',
    ),
  };
}
