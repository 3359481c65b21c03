/** Prints rows under headings, columns aligned, two spaces apart. Numbers stand to the right. Without rows, `empty`. */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
): string {
  if (rows.length === 0) return `${empty}\n`;
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const right = headings.map((_, column) => isNumeric(rows.map((row) => row[column] ?? '')));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        right[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [headings, ...rows].map((row) => `${line(row)}\n`).join('');
}

/** Prints names and values below each other, values aligned. A value of several lines is indented under its name. */
export function renderFacts(facts: readonly (readonly [string, string | undefined])[]): string {
  const shown = facts.filter(
    (fact): fact is readonly [string, string] => fact[1] !== undefined && fact[1] !== '',
  );
  const width = Math.max(...shown.map(([name]) => name.length)) + 2;
  return shown
    .map(([name, value]) => `${name.padEnd(width)}${value.replaceAll('\n', `\n${' '.repeat(width)}`)}\n`)
    .join('');
}

/** A column of numbers and shares, in which some may be missing. */
function isNumeric(cells: readonly string[]): boolean {
  const number = /^[\d.]+(\/[\d.]+)?%?$/;
  return (
    cells.some((cell) => number.test(cell)) &&
    cells.every((cell) => number.test(cell) || cell === '-' || cell === '')
  );
}
