// Counting words: what a map task does to a file, what the reduce task does to the counts. One copy serves the tasks and the local
// pass that their result is compared with.

/** How often each word occurs. */
export type Counts = Map<string, number>;

/** Adds the words of a text: runs of letters of any script, in lower case, digits and underscores apart. */
export function countWords(text: string, counts: Counts): void {
  for (const [word] of text.matchAll(/\p{L}+/gu)) {
    const key = word.toLowerCase();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
}

/** Adds counts to others. */
export function addCounts(from: Iterable<readonly [string, number]>, to: Counts): void {
  for (const [word, count] of from) to.set(word, (to.get(word) ?? 0) + count);
}

/** The most frequent words; ties by name. */
export function mostFrequent(counts: Counts, howMany: number): readonly (readonly [string, number])[] {
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, howMany);
}

/** The first word on which two counts differ; undefined when they agree. */
export function firstDifference(a: Counts, b: Counts): string | undefined {
  for (const [word, count] of a) if (b.get(word) !== count) return word;
  for (const word of b.keys()) if (!a.has(word)) return word;
  return undefined;
}
