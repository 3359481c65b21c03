import { isFailure } from '@meseta/model';
import { Command, CommanderError, Option } from 'commander';
import { version } from '../version';
import { ConfigExit } from './config-exit';
import { flagOf, variableOf, type ConfigOf, type OptionSpec, type ServiceOptions } from './option';
import { parseOption, type AnyOptionValue } from './parse-option';

/**
 * Reads the options of a service from its arguments and environment: a flag beats a variable, a variable beats the
 * default. An empty variable counts as unset, because deployment tools leave such behind.
 *
 * Throws `ConfigExit`: with code 0 for `--help` and `--version`, with code 2 and one line that names the flag and the
 * rule for anything that cannot be used.
 */
export function readConfig<const Table extends Readonly<Record<string, OptionSpec>>>(
  service: ServiceOptions<Table>,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ConfigOf<Table> {
  const values = new Map<string, AnyOptionValue>();
  for (const [key, spec] of Object.entries<OptionSpec>(service.options)) {
    const byDefault = defaultOf(key, spec);
    if (byDefault !== undefined) values.set(key, byDefault);
    const variable = variableOf(key, spec);
    const text = env[variable];
    if (text !== undefined && text !== '') values.set(key, parseOrExit(variable, spec, text));
  }
  for (const [key, value] of parseFlags(service, argv)) values.set(key, value);
  for (const [key, spec] of Object.entries<OptionSpec>(service.options)) {
    if (spec.required === true && !values.has(key)) {
      throw new ConfigExit(2, `${flagOf(key)} is required (or ${variableOf(key, spec)})`);
    }
  }
  // The table says which keys there are and of which kind; every value above was read by its own row.
  const config = Object.fromEntries(
    Object.keys(service.options).map((key) => [key, values.get(key)]),
  ) as ConfigOf<Table>;
  const wrong = service.relations?.(config);
  if (wrong !== undefined) throw new ConfigExit(2, wrong);
  return config;
}

function parseFlags<Table extends Readonly<Record<string, OptionSpec>>>(
  service: ServiceOptions<Table>,
  argv: readonly string[],
): Map<string, AnyOptionValue> {
  const given = new Map<string, AnyOptionValue>();
  let printed = '';
  const command = new Command(`meseta-${service.name}`)
    .description(service.summary)
    .version(version, '--version', 'Print the version and exit.')
    .helpOption('--help', 'Print this help and exit.')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: (text) => (printed += text), writeErr: () => undefined });
  for (const [key, spec] of Object.entries<OptionSpec>(service.options)) {
    for (const option of optionsOf(key, spec)) command.addOption(option);
    command.on(`option:${flagOf(key).slice(2)}`, (text: string | null | undefined) => {
      given.set(key, readFlag(key, spec, text, given.get(key)));
    });
    if (spec.kind === 'boolean') command.on(`option:no-${flagOf(key).slice(2)}`, () => given.set(key, false));
  }
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) throw new ConfigExit(0, printed);
    throw new ConfigExit(2, oneLine(error.message));
  }
  return given;
}

function optionsOf(key: string, spec: OptionSpec): Option[] {
  const flag = flagOf(key);
  const help = `${spec.help} ${origin(key, spec)}`;
  if (spec.kind !== 'boolean') return [new Option(`${flag} <${spec.placeholder ?? spec.kind}>`, help)];
  return [new Option(`${flag} [true|false]`, help), new Option(`--no-${flag.slice(2)}`).hideHelp()];
}

/** Where a value may come from otherwise, for `--help`: `(default: 5060; MESETA_PORT)`. */
function origin(key: string, spec: OptionSpec): string {
  const variable = variableOf(key, spec);
  if (spec.required === true) return `(required; ${variable})`;
  if (spec.default === undefined || spec.default === false || spec.secret === true) return `(${variable})`;
  const text = typeof spec.default === 'object' ? spec.default.join(',') : String(spec.default);
  return `(default: ${text === '' ? 'none' : text}; ${variable})`;
}

function readFlag(
  key: string,
  spec: OptionSpec,
  text: string | null | undefined,
  before: AnyOptionValue | undefined,
): AnyOptionValue {
  const value = parseOrExit(flagOf(key), spec, text ?? 'true');
  // A list may be given as several flags as well as with commas.
  return Array.isArray(value) && Array.isArray(before)
    ? [...(before as string[]), ...(value as string[])]
    : value;
}

function parseOrExit(name: string, spec: OptionSpec, text: string): AnyOptionValue {
  const value = parseOption(spec, text);
  if (isFailure(value)) throw new ConfigExit(2, `${name} ${value.message}`);
  return value;
}

function defaultOf(key: string, spec: OptionSpec): AnyOptionValue | undefined {
  if (spec.default === undefined) return spec.kind === 'boolean' ? false : undefined;
  return typeof spec.default === 'string' && spec.kind !== 'string'
    ? parseOrExit(`the default of ${flagOf(key)}`, spec, spec.default)
    : spec.default;
}

/** Commander puts its suggestion on a second line; a service prints one. */
function oneLine(message: string): string {
  return message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace('(Did you mean', '(did you mean')
    .trim();
}
