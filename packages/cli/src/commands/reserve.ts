import { FailureError } from '@meseta/kit';
import { carve, failure, isFailure, isPersistentVolume, reservedRole, Resources } from '@meseta/model';
import { resourcesFromProto, resourcesToProto } from '@meseta/protocol';
import { print, type CliContext, type ClusterFlags } from '../context';
import { withAgentRow } from '../names/agent-row';
import type { AgentRow } from './view';

/** What `meseta reserve` can be told. */
export interface ReserveFlags extends ClusterFlags {
  readonly role: string;
  readonly from?: string;
}

/** `meseta reserve AGENT RESOURCES`: sets them aside for a role. */
export function reserve(
  context: CliContext,
  given: string,
  text: string,
  flags: ReserveFlags,
): Promise<void> {
  const wanted = plain(text);
  return withAgentRow(context, given, flags, async (operator, row) => {
    const source = flags.from === undefined ? undefined : reservedTo(row, flags.from, wanted);
    const reserved = (source ?? wanted).map((entry) => ({
      ...entry,
      reservations: [{ type: 'DYNAMIC', role: flags.role }],
    }));
    await operator.reserveResources(
      row.id,
      resourcesToProto(reserved),
      resourcesToProto(source ?? Resources.empty),
    );
    print(
      context,
      flags.output,
      { agent: row.id, role: flags.role, resources: text },
      () => `${text} of ${row.name} is reserved to role ${flags.role}\n`,
    );
  });
}

/** `meseta unreserve AGENT RESOURCES`: undoes the last layer of their reservation. */
export function unreserve(
  context: CliContext,
  given: string,
  text: string,
  flags: ReserveFlags,
): Promise<void> {
  const wanted = plain(text);
  return withAgentRow(context, given, flags, async (operator, row) => {
    await operator.unreserveResources(row.id, resourcesToProto(reservedTo(row, flags.role, wanted)));
    print(
      context,
      flags.output,
      { agent: row.id, role: flags.role, resources: text },
      () => `${text} of ${row.name} is not reserved to role ${flags.role} any more\n`,
    );
  });
}

/** All that an agent has. */
export function totalOf({ agent, name }: AgentRow): Resources {
  const total = resourcesFromProto(agent?.totalResources ?? []);
  if (isFailure(total)) throw new FailureError(total);
  if (agent === undefined) throw new FailureError(failure('conflict', `agent ${name} is not connected`));
  return total.unallocate();
}

/** As much as is wanted of what an agent has reserved to a role, with its labels and whoever reserved it. Volumes are left alone. */
export function reservedTo(row: AgentRow, role: string, wanted: Resources): Resources {
  const reserved = totalOf(row).filter((entry) => reservedRole(entry) === role && !isPersistentVolume(entry));
  const taken = takenOf(reserved, wanted);
  if (taken !== undefined) return taken;
  throw new FailureError(
    failure(
      'conflict',
      `${row.name} has ${reserved.isEmpty ? 'nothing' : reserved.toString()} reserved to role ${role}, not ${wanted.toString()}`,
      { field: 'resources' },
    ),
  );
}

/** Amounts are taken wherever they are; ports and items are meant as they are written. */
function takenOf(reserved: Resources, wanted: Resources): Resources | undefined {
  let taken = Resources.empty;
  for (const { name, value } of wanted.entries) {
    const alike = reserved.entries
      .filter((entry) => entry.name === name)
      .map((entry) => Resources.of([{ ...entry, value }]));
    const part =
      value.kind === 'scalar'
        ? carve(reserved, new Map([[name, value.milli]]))
        : alike.find((one) => reserved.contains(one));
    if (part === undefined) return undefined;
    taken = taken.add(part);
  }
  return taken;
}

function plain(text: string): Resources {
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new FailureError(parsed);
  if (parsed.isEmpty || parsed.entries.some((entry) => entry.reservations.length > 0))
    throw new FailureError(
      failure('invalid', `'${text}' must be resources without roles, as cpus:2;mem:512`, {
        field: 'resources',
      }),
    );
  return parsed;
}
