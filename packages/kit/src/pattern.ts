import { failure, type Failure } from '@meseta/model';
import { RE2JS } from 're2js';

/** What Mesos allows of a regular expression in a constraint (S98): its own default for the size of the compiled program. */
export const patternProgramSizeMax = 100;
/** A longer text is not compiled at all: compiling costs more than its size. */
export const patternLengthMax = 4096;

/**
 * Compiles a regular expression in RE2's syntax, which matches in time linear in the text, so that no framework can slow the cluster down with one.
 *
 * @param field what it is, for the message
 * @returns whether a whole text matches; or a failure of kind `invalid`: not RE2's syntax, or too large
 */
export function compilePattern(field: string, pattern: string): ((text: string) => boolean) | Failure {
  const refuse = (rule: string): Failure => failure('invalid', `${field} ${rule}`, { field });
  if (pattern.length > patternLengthMax)
    return refuse(`must not be longer than ${patternLengthMax} characters`);
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    return refuse(
      `is not a regular expression of RE2: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (compiled.programSize() > patternProgramSizeMax)
    return refuse(
      `is too large: its program has ${compiled.programSize()} instructions, and may have ${patternProgramSizeMax}`,
    );
  return (text) => compiled.testExact(text);
}
