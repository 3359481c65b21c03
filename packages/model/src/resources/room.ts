import { isWhole } from './addable';
import { carve } from './carve';
import { Resources } from './resources';

/** Room for some tasks of one size. */
export interface Room {
  readonly tasks: number;
  /** Taken out of the bag by {@link carve}; empty without tasks. */
  readonly resources: Resources;
}

const noRoom: Room = { tasks: 0, resources: Resources.empty };

/**
 * How many tasks of one size a bag has room for, and the room.
 *
 * @param perTask what one task needs, in thousandths by name; ranges and sets count their members. Not empty
 * @param tasksMax for how many there need be room at most
 */
export function roomFor(bag: Resources, perTask: ReadonlyMap<string, number>, tasksMax: number): Room {
  let tasks = tasksMax;
  // What can only be given whole is no room for a part of it.
  const quantities = bag.filter((entry) => !isWhole(entry)).quantities();
  for (const [name, milli] of perTask)
    tasks = Math.min(tasks, Math.floor((quantities.get(name) ?? 0) / milli));
  // Members of ranges and sets are whole: where a task wants a part of one, the last may not fit.
  for (; tasks > 0; tasks--) {
    const resources = carve(bag, new Map([...perTask].map(([name, milli]) => [name, milli * tasks])));
    if (resources !== undefined) return { tasks, resources };
  }
  return noRoom;
}
