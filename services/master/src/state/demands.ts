import { failure, roomFor, type Failure, type Resources } from '@meseta/model';
import type { Demand } from '@meseta/protocol';
import type { Framework } from './state';
import { tellAllocator, type Turn } from './turn';

const demandsMax = 1000;
const tasksMax = 1_000_000;

/** What a framework asked for in particular. */
export interface Wanted {
  /** As it asked, for the allocator. */
  readonly demand: Demand;
  /** What one task needs, in thousandths by name. */
  readonly perTask: ReadonlyMap<string, number>;
}

/** The same, and how much of it was offered: an allocator that starts anew is told. */
export interface OpenDemand extends Wanted {
  /** Tasks for which nothing was offered yet, or for which it came back unused. */
  remaining: number;
}

/** For how many tasks of which demands an offer has room. */
export type OfferedRoom = ReadonlyMap<OpenDemand, number>;

/** Numbers of tasks by the ids of demands. */
export type TasksByDemand = ReadonlyMap<string, number>;

/** REQUEST: what the framework wants in particular, in place of what it wanted before. What cannot be read was refused by the handler. */
export function request(turn: Turn, framework: Framework, wanted: readonly Wanted[]): Failure | undefined {
  const demands = wanted.map(({ demand }) => demand);
  const refused = validateDemands(framework, demands);
  if (refused !== undefined) return refused;
  framework.demands = wanted.map((one) => ({ ...one, remaining: one.demand.count }));
  for (const { role } of demands) framework.suppressed.delete(role);
  framework.demandsVersion = tellAllocator(turn, {
    kind: 'demanded',
    frameworkId: framework.id,
    demands,
    remaining: new Map(),
  });
  return undefined;
}

/** Tells a new allocator what was asked for and how much of it is not offered yet. */
export function describeDemands(turn: Turn, { id: frameworkId, demands, suppressed }: Framework): void {
  if (demands.length === 0) return;
  const remaining = new Map(demands.map((one) => [one.demand.id, one.remaining]));
  const asked = demands.map(({ demand }) => demand);
  tellAllocator(turn, { kind: 'demanded', frameworkId, demands: asked, remaining }, true);
  // A demand ends a suppression, but not one that came after it.
  const roles = [...suppressed].filter((role) => asked.some((demand) => demand.role === role));
  if (roles.length > 0) tellAllocator(turn, { kind: 'suppressed', frameworkId, roles }, true);
}

/** Counts what an offer has room for as offered. What was meant for an earlier REQUEST is not counted for this one. */
export function offerRoom(framework: Framework, tasks: TasksByDemand, version: number): OfferedRoom {
  const room = new Map<OpenDemand, number>();
  if (tasks.size === 0 || version < framework.demandsVersion) return room;
  for (const open of framework.demands) {
    const count = Math.min(open.remaining, tasks.get(open.demand.id) ?? 0);
    if (count === 0) continue;
    open.remaining -= count;
    room.set(open, count);
  }
  return room;
}

/**
 * Room came back unused, so that it is asked for again.
 *
 * @param unused what is left of the offers; all of them if unset
 * @returns how many tasks they are, for the allocator
 */
export function takeRoomBack(
  framework: Framework | undefined,
  room: OfferedRoom,
  unused?: Resources,
): TasksByDemand {
  const tasks = new Map<string, number>();
  let rest = unused;
  for (const [open, count] of room) {
    if (framework?.demands.includes(open) !== true) continue;
    const left = rest === undefined ? undefined : roomFor(rest, open.perTask, count);
    if (left !== undefined) rest = rest?.subtract(left.resources);
    const back = left?.tasks ?? count;
    if (back === 0) continue;
    open.remaining += back;
    tasks.set(open.demand.id, back);
  }
  return tasks;
}

function validateDemands({ roles }: Framework, demands: readonly Demand[]): Failure | undefined {
  const refuse = (field: string, rule: string): Failure => failure('invalid', `${field} ${rule}`, { field });
  if (demands.length > demandsMax) return refuse('demands', `must not be more than ${demandsMax}`);
  const ids = new Set<string>();
  for (const [at, { id, role, count }] of demands.entries()) {
    const field = `demands[${at}]`;
    if (id === '') return refuse(`${field}.id`, 'must not be empty');
    if (ids.has(id)) return refuse(`${field}.id`, `'${id}' must not be used twice`);
    ids.add(id);
    if (!roles.includes(role))
      return refuse(`${field}.role`, `names ${role}, which the framework is not subscribed to`);
    if (count < 1 || count > tasksMax) return refuse(`${field}.count`, `must be from 1 to ${tasksMax}`);
  }
  return undefined;
}
