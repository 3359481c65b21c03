/** Gives small numbers, and gives those that were returned again: arrays are indexed by them. */
export class DenseIds {
  private readonly returned: number[] = [];
  private next = 0;

  /** All numbers ever given are below it. */
  get bound(): number {
    return this.next;
  }

  take(): number {
    return this.returned.pop() ?? this.next++;
  }

  giveBack(id: number): void {
    this.returned.push(id);
  }
}
