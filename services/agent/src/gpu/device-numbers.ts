/** The two numbers of a device file, out of the one of stat(2). @see makedev(3) */
export function majorOf(rdev: number): number {
  const bits = BigInt(rdev);
  return Number(((bits >> 32n) & 0xfffff000n) | ((bits >> 8n) & 0xfffn));
}

export function minorOf(rdev: number): number {
  const bits = BigInt(rdev);
  return Number(((bits >> 12n) & 0xffffff00n) | (bits & 0xffn));
}
