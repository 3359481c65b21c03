import { FailureError } from '@meseta/kit';
import { failure } from '@meseta/model';
import { distance } from './distance';

/** Something that can be named: by its id, the beginning of its id, or its name. */
export interface Named {
  readonly id: string;
  readonly name?: string;
}

/** How many candidates an error lists. */
const listedMax = 5;

/**
 * Finds what the user means: the thing with this id, or else the only one whose id begins so, or else the only one
 * of this name. Throws a `FailureError`: `unknown task "x", did you mean "y"?`, or the candidates when there are several.
 */
export function resolveName<Thing extends Named>(
  kind: string,
  given: string,
  things: readonly Thing[],
): Thing {
  const exact = things.find((thing) => thing.id === given);
  if (exact !== undefined) return exact;
  const matches = [byPrefix, byName].map((matcher) => things.filter((thing) => matcher(thing, given)));
  const found = matches.find((some) => some.length > 0) ?? [];
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (found.length > 1) {
    const listed = found.slice(0, listedMax).map((thing) => thing.id);
    const more = found.length > listedMax ? ` and ${found.length - listedMax} more` : '';
    throw new FailureError(
      failure('conflict', `${kind} "${given}" is not unique: ${listed.join(', ')}${more}`),
    );
  }
  const close = closest(given, things);
  const hint = close === undefined ? '' : `, did you mean "${close}"?`;
  throw new FailureError(failure('notFound', `unknown ${kind} "${given}"${hint}`));
}

function byPrefix(thing: Named, given: string): boolean {
  return given !== '' && thing.id.startsWith(given);
}

function byName(thing: Named, given: string): boolean {
  return thing.name === given;
}

/** The id or name that differs least, if it differs little: by a third of its letters at most. */
function closest(given: string, things: readonly Named[]): string | undefined {
  const ranked = things
    .flatMap((thing) => [thing.id, ...(thing.name === undefined ? [] : [thing.name])])
    .map((word) => ({
      word,
      far: Math.min(distance(given, word), distance(given, word.slice(0, given.length)) + 1),
    }))
    .sort((a, b) => a.far - b.far);
  const [best] = ranked;
  return best !== undefined && best.far <= Math.ceil(given.length / 3) ? best.word : undefined;
}
