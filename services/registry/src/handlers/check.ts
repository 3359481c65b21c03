import { failure, type Failure } from '@meseta/model';

/** The name of an election: it is a part of a key, and a label of metrics. */
export function checkElection(name: string): string | Failure {
  if (/^[a-z][a-z0-9-]{0,62}$/.test(name)) return name;
  return failure(
    'invalid',
    'election must be at most 63 of a to z, 0 to 9 and "-", beginning with a letter',
    { field: 'election' },
  );
}
