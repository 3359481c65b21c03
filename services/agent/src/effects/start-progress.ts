/** How far something has come, put into words when somebody is to be told. */
export type Progress = (words: () => string) => void;

/**
 * Tells how far something long has come, and no more often than so: what is done before the first interval is over is never told of.
 *
 * @param intervalMs 0 never tells
 */
export function progressEvery(
  intervalMs: number,
  tell: (words: string) => void,
  nowMs: () => number = Date.now,
): Progress {
  let last = nowMs();
  return (words) => {
    const now = nowMs();
    if (intervalMs === 0 || now - last < intervalMs) return;
    last = now;
    tell(words());
  };
}

const bytesPerMegabyte = 1024 * 1024;

/** `45 of 120 MB`, or `45 MB` where nobody knows of how many. */
export function megabytesOf(bytes: number, total: number | undefined): string {
  const round = (value: number): number => Math.ceil(value / bytesPerMegabyte);
  return total === undefined || total < bytes
    ? `${round(bytes)} MB`
    : `${round(bytes)} of ${round(total)} MB`;
}
