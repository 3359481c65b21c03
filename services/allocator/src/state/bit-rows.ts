/** Rows of bits, one row for each agent and one bit for each seat, so that a question about all seats is asked 32 at a time. */
export class BitRows {
  private words = new Int32Array(0);
  private rows = 0;
  private wordsPerRow = 0;

  /** Words in each row. */
  get width(): number {
    return this.wordsPerRow;
  }

  /** Makes room for so many rows and bits; what is there stays. */
  reserve(rows: number, bits: number): void {
    let { rows: rowsNow, wordsPerRow: width } = this;
    const wordsNeeded = (bits + 31) >>> 5;
    if (rows <= rowsNow && wordsNeeded <= width) return;
    if (rows > rowsNow) rowsNow = Math.max(rows, rowsNow + (rowsNow >>> 1), 64);
    if (wordsNeeded > width) width = Math.max(wordsNeeded, width + (width >>> 1));
    const words = new Int32Array(rowsNow * width);
    if (width === this.wordsPerRow) words.set(this.words);
    else
      for (let row = 0; row < this.rows; row++)
        words.set(this.words.subarray(row * this.wordsPerRow, (row + 1) * this.wordsPerRow), row * width);
    this.words = words;
    this.rows = rowsNow;
    this.wordsPerRow = width;
  }

  word(row: number, word: number): number {
    return this.words[row * this.wordsPerRow + word] as number;
  }

  has(row: number, bit: number): boolean {
    return ((this.words[row * this.wordsPerRow + (bit >>> 5)] as number) & (1 << (bit & 31))) !== 0;
  }

  set(row: number, bit: number): void {
    const at = row * this.wordsPerRow + (bit >>> 5);
    this.words[at] = (this.words[at] as number) | (1 << (bit & 31));
  }

  clear(row: number, bit: number): void {
    const at = row * this.wordsPerRow + (bit >>> 5);
    this.words[at] = (this.words[at] as number) & ~(1 << (bit & 31));
  }

  clearRow(row: number): void {
    this.words.fill(0, row * this.wordsPerRow, (row + 1) * this.wordsPerRow);
  }
}
