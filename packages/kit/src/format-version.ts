/**
 * Why a directory of one layout cannot be used by a program that reads another, as the rest of a sentence about the directory; undefined if it can.
 * A program never guesses: what it would not understand it leaves as it is, for the version that wrote it.
 */
export function formatMismatch(found: unknown, reads: number): string | undefined {
  if (found === reads) return undefined;
  if (typeof found === 'number' && found > reads)
    return `was written by a newer version, in format ${found} where this one reads ${reads}: use that version`;
  const format = typeof found === 'number' ? `in format ${found}` : 'before formats had numbers';
  return `was written by an older version, ${format} where this one reads ${reads}: start anew, or use that version`;
}
