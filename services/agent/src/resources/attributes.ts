import { parseAttributes, type Attribute, type Failure } from '@meseta/model';
import { isFailure } from '@meseta/model';
import type { ContainerRuntime } from '../runtime/container-runtime';

/** The attribute that says what keeps tasks of the process runtime apart. */
export const isolationAttribute = 'process_isolation';
/** The attribute that names the networks that they may join, separated by commas: constraints see only the first attribute of a name. */
export const networksAttribute = 'networks';

/** What the operator says of the agent, and what frameworks should know of it before they run other people's code there. */
export function attributesOf(
  given: string | undefined,
  runtimes: Iterable<Pick<ContainerRuntime, 'isolation' | 'networks'>>,
): readonly Attribute[] | Failure {
  const attributes = parseAttributes(given ?? '');
  if (isFailure(attributes)) return attributes;
  const found = [...runtimes].flatMap(({ isolation, networks }) => [
    { name: isolationAttribute, text: isolation },
    { name: networksAttribute, text: [...(networks?.keys() ?? [])].join(',') || undefined },
  ]);
  return [
    ...attributes,
    ...found.flatMap(({ name, text }) =>
      // What the operator says counts.
      text === undefined || attributes.some((given) => given.name === name)
        ? []
        : [{ name, value: { kind: 'text', text } as const }],
    ),
  ];
}
