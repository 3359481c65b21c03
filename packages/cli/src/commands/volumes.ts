import { FailureError } from '@meseta/kit';
import {
  failure,
  fromMilli,
  isFailure,
  isPersistentVolume,
  reservedRole,
  Resources,
  type Resource,
} from '@meseta/model';
import { resourcesToProto } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { withAgentRow } from '../names/agent-row';
import { renderTable } from '../output/table';
import { numberWord } from '../output/words';
import { reservedTo, totalOf } from './reserve';
import { agentRows, type AgentRow } from './view';

/** What `meseta volumes create` can be told. */
export interface CreateVolumeFlags extends ClusterFlags {
  readonly role: string;
  readonly path: string;
  readonly shared?: boolean;
}

/** What names a volume where two roles have one of its id. */
export interface VolumeFlags extends ClusterFlags {
  readonly role?: string;
}

/** `meseta volumes`: the persistent volumes of all agents. */
export function listVolumes(context: CliContext, flags: ClusterFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const volumes = (await agentRows(operator)).flatMap((row) =>
      volumesOf(row).map((volume) => ({ row, volume })),
    );
    const json = {
      volumes: volumes.map(({ row, volume }) => ({
        agentId: row.id,
        volume: resourcesToProto(Resources.of([volume]))[0],
      })),
    };
    print(context, flags.output, json, () =>
      renderTable(
        ['ID', 'ROLE', 'MB', 'SHARED', 'AGENT', 'HOST'],
        volumes.map(({ row, volume }) => [
          volume.disk?.persistence?.id ?? '',
          reservedRole(volume) ?? '',
          numberWord(megabytesOf(volume)),
          volume.shared === true ? 'yes' : 'no',
          row.id,
          row.name,
        ]),
        'no volumes',
      ),
    );
  });
}

/** `meseta volumes create AGENT ID MB`: of disk that is reserved to the role. */
export function createVolume(
  context: CliContext,
  [given, id, size]: readonly [string, string, string],
  flags: CreateVolumeFlags,
): Promise<void> {
  const disk = diskOf(size);
  return withAgentRow(context, given, flags, async (operator, row) => {
    const [entry, another] = reservedTo(row, flags.role, disk).entries;
    if (entry === undefined || another !== undefined)
      throw new FailureError(
        failure('conflict', `${row.name} has no ${size} MB of disk that are reserved alike`, {
          field: 'size',
        }),
      );
    const volume: Resource = {
      ...entry,
      disk: { ...entry.disk, persistence: { id }, volume: { containerPath: flags.path, mode: 'RW' } },
      ...(flags.shared === true && { shared: true }),
    };
    await operator.createVolumes(row.id, resourcesToProto(Resources.of([volume])));
    print(
      context,
      flags.output,
      { agent: row.id, id },
      () => `volume ${id} of ${size} MB is on ${row.name}\n`,
    );
  });
}

/** `meseta volumes destroy AGENT ID`: with what is on it. */
export function destroyVolume(
  context: CliContext,
  [given, id]: readonly [string, string],
  flags: VolumeFlags,
): Promise<void> {
  return withAgentRow(context, given, flags, async (operator, row) => {
    await operator.destroyVolumes(row.id, resourcesToProto(Resources.of([volumeOf(row, id, flags.role)])));
    print(
      context,
      flags.output,
      { agent: row.id, id },
      () => `volume ${id} is not on ${row.name} any more\n`,
    );
  });
}

/** `meseta volumes resize AGENT ID MB`: what is on it stays. */
export function resizeVolume(
  context: CliContext,
  [given, id, size]: readonly [string, string, string],
  flags: VolumeFlags,
): Promise<void> {
  const wanted = megabytesOf(diskOf(size).entries[0]);
  return withAgentRow(context, given, flags, async (operator, row) => {
    const volume = volumeOf(row, id, flags.role);
    const [asProto] = resourcesToProto(Resources.of([volume]));
    const more = wanted - megabytesOf(volume);
    if (asProto !== undefined && more < 0) await operator.shrinkVolume(row.id, asProto, -more);
    if (asProto !== undefined && more > 0) {
      const [addition] = resourcesToProto(reservedTo(row, reservedRole(volume) ?? '', diskOf(String(more))));
      if (addition !== undefined) await operator.growVolume(row.id, asProto, addition);
    }
    print(context, flags.output, { agent: row.id, id }, () => `volume ${id} has ${size} MB on ${row.name}\n`);
  });
}

/** The volumes of an agent; one that is not connected shows none. */
function volumesOf(row: AgentRow): readonly Resource[] {
  if (row.agent === undefined) return [];
  const seen = new Set<string>();
  // A shared volume is one volume, however many copies are counted.
  return totalOf(row).entries.filter((entry) => {
    const key = `${String(reservedRole(entry))}/${String(entry.disk?.persistence?.id)}`;
    return isPersistentVolume(entry) && !seen.has(key) && seen.add(key);
  });
}

function volumeOf(row: AgentRow, id: string, role: string | undefined): Resource {
  const named = volumesOf(row).filter(
    (one) => one.disk?.persistence?.id === id && (role === undefined || reservedRole(one) === role),
  );
  const [only, another] = named;
  if (only !== undefined && another === undefined) return only;
  throw new FailureError(
    only === undefined
      ? failure('notFound', `${row.name} has no volume ${id}${role === undefined ? '' : ` of role ${role}`}`)
      : failure('conflict', `${row.name} has a volume ${id} in several roles: --role says which`),
  );
}

function diskOf(megabytes: string): Resources {
  const parsed = /^\d+(\.\d+)?$/.test(megabytes) ? Resources.parse(`disk:${megabytes}`) : undefined;
  if (parsed === undefined || isFailure(parsed) || parsed.isEmpty)
    throw new FailureError(
      failure('invalid', `size must be megabytes above 0, not '${megabytes}'`, { field: 'size' }),
    );
  return parsed;
}

function megabytesOf(resource: Resource | undefined): number {
  return resource?.value.kind === 'scalar' ? fromMilli(resource.value.milli) : 0;
}
