import type { Amounts } from './lots/amounts';

/** A table of amounts: a row for each holder, a column for each name of a scalar. Whole thousandths, so sums are exact. */
export class Sums {
  private values = new Float64Array(64 * 8);
  private columns = 8;
  private rows = 64;

  at(row: number, name: number): number {
    return row < this.rows && name < this.columns ? (this.values[row * this.columns + name] as number) : 0;
  }

  add(row: number, { names, milli }: Amounts, sign: 1 | -1): void {
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as number;
      if (name >= this.columns || row >= this.rows) this.grow(row, name);
      const at = row * this.columns + name;
      this.values[at] = (this.values[at] as number) + sign * (milli[i] as number);
    }
  }

  set(row: number, name: number, milli: number): void {
    if (name >= this.columns || row >= this.rows) this.grow(row, name);
    this.values[row * this.columns + name] = milli;
  }

  clear(row: number): void {
    if (row < this.rows) this.values.fill(0, row * this.columns, (row + 1) * this.columns);
  }

  private grow(row: number, name: number): void {
    let { rows, columns } = this;
    while (rows <= row) rows *= 2;
    while (columns <= name) columns *= 2;
    const values = new Float64Array(rows * columns);
    for (let one = 0; one < this.rows; one++)
      values.set(this.values.subarray(one * this.columns, (one + 1) * this.columns), one * columns);
    this.values = values;
    this.rows = rows;
    this.columns = columns;
  }
}
