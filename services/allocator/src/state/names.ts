/** Names of scalar resources as small numbers, in the order of first appearance: amounts are kept in arrays, and a name is a place in them. */
export class Names {
  private readonly names: string[] = [];
  private readonly ids = new Map<string, number>();

  get size(): number {
    return this.names.length;
  }

  /** The number of a name; a new name gets the next. */
  idOf(name: string): number {
    let id = this.ids.get(name);
    if (id === undefined) {
      id = this.names.length;
      this.names.push(name);
      this.ids.set(name, id);
    }
    return id;
  }

  nameOf(id: number): string {
    return this.names[id] ?? '';
  }
}
