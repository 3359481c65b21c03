/** A value that breaks a rule: `rule` completes "the value must". */
export interface Wrong {
  readonly rule: string;
}

export function isWrong(value: unknown): value is Wrong {
  return typeof value === 'object' && value !== null && 'rule' in value;
}

/** As Docker's command line reads it. */
export function flagOf(value: string): boolean | Wrong {
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  return { rule: 'be true or false' };
}

export function wholeOf(value: string, min: number, max: number): number | Wrong {
  const number = Number(value);
  return /^-?\d+$/.test(value) && number >= min && number <= max
    ? number
    : { rule: `be a whole number from ${min} to ${max}` };
}

const unitBytes: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** An amount of memory, as `64m`. */
export function bytesOf(value: string): number | Wrong {
  const [, digits, unit = ''] = /^(\d+)([bkmg]?)b?$/i.exec(value) ?? [];
  const factor = unitBytes[unit.toLowerCase()];
  if (digits === undefined || factor === undefined)
    return { rule: 'be a number of bytes, or one with the unit b, k, m or g' };
  return Number(digits) * factor;
}

const unitNanoseconds: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** A time, as `30s`. Nanoseconds. */
export function nanosecondsOf(value: string): number | Wrong {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(value) ?? [];
  const factor = unitNanoseconds[unit];
  if (digits === undefined || factor === undefined)
    return { rule: 'be a number with the unit ms, s, m or h' };
  return Math.round(Number(digits) * factor);
}

/** A text in two parts; what follows a second separator belongs to the second part. */
export function pairOf(value: string, separator: string): readonly [string, string] | Wrong {
  const at = value.indexOf(separator);
  if (at < 1 || at === value.length - 1) return { rule: `have the form name${separator}value` };
  return [value.slice(0, at), value.slice(at + 1)];
}

/** A limit of the kernel, as `nofile=1024:2048`; one number is both. */
export function ulimitOf(value: string): { Name: string; Soft: number; Hard: number } | Wrong {
  const [, name, soft, hard = soft] = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(value) ?? [];
  if (name === undefined || soft === undefined) return { rule: 'have the form name=soft[:hard]' };
  const limit = { Name: name, Soft: Number(soft), Hard: Number(hard) };
  if (limit.Hard !== -1 && (limit.Soft === -1 || limit.Soft > limit.Hard))
    return { rule: 'not have a soft limit above the hard one' };
  return limit;
}

/** A device of the machine, as `/dev/fuse[:/dev/there][:rwm]`. */
export function deviceOf(
  value: string,
): { PathOnHost: string; PathInContainer: string; CgroupPermissions: string } | Wrong {
  const [outside = '', second, third, ...rest] = value.split(':');
  const isMode = (text: string | undefined): boolean => text !== undefined && /^[rwm]+$/.test(text);
  const [inside = outside, mode = 'rwm'] =
    third === undefined && isMode(second) ? [outside, second] : [second, third];
  if (rest.length > 0 || !outside.startsWith('/') || !inside.startsWith('/') || !isMode(mode))
    return { rule: 'have the form /path[:/path in the container][:rwm]' };
  return { PathOnHost: outside, PathInContainer: inside, CgroupPermissions: mode };
}
