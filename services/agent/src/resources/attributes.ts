import { parseAttributes, type Attribute, type Failure } from '@meseta/model';
import { isFailure } from '@meseta/model';
import type { ContainerRuntime } from '../runtime/container-runtime';

/** The attribute that says what keeps tasks of the process runtime apart. */
export const isolationAttribute = 'process_isolation';

/** What the operator says of the agent, and what frameworks should know of it before they run other people's code there. */
export function attributesOf(
  given: string | undefined,
  runtimes: Iterable<Pick<ContainerRuntime, 'isolation'>>,
): readonly Attribute[] | Failure {
  const attributes = parseAttributes(given ?? '');
  if (isFailure(attributes) || attributes.some(({ name }) => name === isolationAttribute)) return attributes;
  const found = [...runtimes].flatMap(({ isolation }) => isolation ?? []);
  return [
    ...attributes,
    ...found.map((text) => ({ name: isolationAttribute, value: { kind: 'text', text } as const })),
  ];
}
