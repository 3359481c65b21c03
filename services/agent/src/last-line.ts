/** The last line of what a program printed: most say there why they failed. */
export function lastLineOf(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
