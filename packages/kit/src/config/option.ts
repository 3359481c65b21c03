/** What an option holds, and so how its text is read. `address` is host:port, `duration` is `15s` and becomes ms. */
export type OptionKind =
  | 'string'
  | 'integer'
  | 'number'
  | 'port'
  | 'boolean'
  | 'duration'
  | 'list'
  | 'path'
  | 'address'
  | 'addresses';

/** One row of a service's table of options: the flag, the variable, the help and the documentation come from it. */
export interface OptionSpec {
  readonly kind: OptionKind;
  /** What is used when neither flag nor variable is given; text is read as the flag's would be. */
  readonly default?: string | number | boolean | readonly string[];
  readonly required?: boolean;
  /** One sentence for `--help` and the documentation. */
  readonly help: string;
  /** The word between angle brackets in `--help`; the kind's own word if unset. */
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  /** A secret's value is never printed, neither in errors nor in help. */
  readonly secret?: boolean;
  /** Bounds of a number, or of a duration in milliseconds, both inclusive. */
  readonly min?: number;
  readonly max?: number;
  /** Another name of the environment variable than MESETA_<KEY>. */
  readonly env?: string;
}

/** The value of one option after reading. */
export type OptionValue<Kind extends OptionKind> = Kind extends 'integer' | 'number' | 'port' | 'duration'
  ? number
  : Kind extends 'boolean'
    ? boolean
    : Kind extends 'list' | 'addresses'
      ? readonly string[]
      : string;

/** What `readConfig` returns for a table: an option with neither default nor `required` may be undefined. */
export type ConfigOf<Table extends Readonly<Record<string, OptionSpec>>> = {
  readonly [Key in keyof Table]: Table[Key] extends {
    readonly default: string | number | boolean | readonly string[];
  }
    ? OptionValue<Table[Key]['kind']>
    : Table[Key] extends { readonly required: true }
      ? OptionValue<Table[Key]['kind']>
      : OptionValue<Table[Key]['kind']> | undefined;
};

/** A service and its options, as `readConfig` and `renderOptions` take it. */
export interface ServiceOptions<Table extends Readonly<Record<string, OptionSpec>>> {
  /** The bare name, as `master`; the command is `meseta-master`. */
  readonly name: string;
  readonly summary: string;
  readonly options: Table;
  /** Checks what holds between options; returns one line that names them when something does not. */
  readonly relations?: (config: ConfigOf<Table>) => string | undefined;
}

/** Keeps the literal types of a table that is written on its own, so that its config is typed. */
export function defineOptions<const Table extends Readonly<Record<string, OptionSpec>>>(table: Table): Table {
  return table;
}

/** The flag of a key: `httpPort` is `--http-port`. */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The environment variable of a key: `httpPort` is `MESETA_HTTP_PORT`. */
export function variableOf(key: string, spec: OptionSpec): string {
  return spec.env ?? `MESETA_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
