import { flagOf, variableOf, type OptionSpec, type ServiceOptions } from './option';
import { wordOf } from './parse-option';

/** Prints a service's table as Markdown, for `docs/configuration.md`: the documentation cannot differ from the code. */
export function renderOptions<Table extends Readonly<Record<string, OptionSpec>>>(
  service: ServiceOptions<Table>,
): string {
  const rows = Object.entries<OptionSpec>(service.options).map(([key, spec]) =>
    row([`\`${flagOf(key)}\``, `\`${variableOf(key, spec)}\``, valueOf(spec), defaultOf(spec), spec.help]),
  );
  return [
    `## meseta-${service.name}`,
    '',
    service.summary,
    '',
    row(['flag', 'variable', 'value', 'default', 'meaning']),
    row(['---', '---', '---', '---', '---']),
    ...rows,
    '',
  ].join('\n');
}

function valueOf(spec: OptionSpec): string {
  return spec.choices === undefined ? wordOf(spec) : spec.choices.map((choice) => `\`${choice}\``).join(', ');
}

function defaultOf(spec: OptionSpec): string {
  if (spec.required === true) return 'required';
  if (spec.default === undefined || spec.secret === true) return '';
  return `\`${typeof spec.default === 'object' ? spec.default.join(',') : String(spec.default)}\``;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
