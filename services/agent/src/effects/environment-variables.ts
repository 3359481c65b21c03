import { failure, type Failure } from '@meseta/model';

/** Reads variables as JSON, `{"NAME": "value"}`. */
export function parseVariables(text: string): ReadonlyMap<string, string> | Failure {
  const refuse = (rule: string): Failure =>
    failure('invalid', `variables must be JSON as {"NAME": "value"}: ${rule}`);
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return refuse('it is no object');
  const variables = new Map<string, string>();
  for (const [name, value] of Object.entries(given)) {
    if (!/^[A-Za-z_]\w*$/.test(name)) return refuse(`'${name}' is no name`);
    if (typeof value !== 'string') return refuse(`the value of ${name} is no text`);
    variables.set(name, value);
  }
  return variables;
}
