// Scenarios told in text: commands above `----`, what follows from them below, a blank line between blocks. Run with
// UPDATE_SCENARIOS=1 to write down what happens now, and review it as a diff. After etcd-io/raft's interaction tests.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One block of a scenario. */
export interface Block {
  /** Comment lines before the commands, kept when the file is written anew. */
  readonly comments: readonly string[];
  readonly commands: readonly string[];
  readonly expected: readonly string[];
}

/** Carries commands out and says in lines what followed. A scenario starts with a fresh one. */
export interface Interpreter {
  run(command: string): readonly string[];
}

/** One command of a scenario: `accept m-0000 offers=m-O0 T1:cpus:1`. */
export interface Words {
  readonly verb: string;
  /** `m-0000`, `T1:cpus:1` */
  readonly plain: readonly string[];
  /** `offers` is `m-O0` */
  readonly named: ReadonlyMap<string, string>;
}

/** Splits a command into its words. */
export function wordsOf(line: string): Words {
  const [verb = '', ...words] = line.split(/\s+/);
  const named = new Map<string, string>();
  for (const word of words) {
    const cut = word.indexOf('=');
    if (cut >= 0) named.set(word.slice(0, cut), word.slice(cut + 1));
  }
  return { verb, plain: words.filter((word) => !word.includes('=')), named };
}

/** Reads the blocks of a scenario. */
export function parseScenario(text: string): readonly Block[] {
  const blocks: Block[] = [];
  for (const chunk of text.split(/\n\s*\n/)) {
    const lines = chunk.split('\n').filter((line) => line.trim() !== '');
    const comments = lines.filter((line) => line.startsWith('#'));
    const rest = lines.filter((line) => !line.startsWith('#'));
    const cut = rest.indexOf('----');
    if (rest.length === 0) blocks.push({ comments, commands: [], expected: [] });
    else if (cut < 0) blocks.push({ comments, commands: rest, expected: [] });
    else blocks.push({ comments, commands: rest.slice(0, cut), expected: rest.slice(cut + 1) });
  }
  return blocks;
}

/** Makes one test of each `*.txt` file of a folder. */
export function describeScenarios(directory: string, start: () => Interpreter): void {
  for (const file of readdirSync(directory)
    .filter((name) => name.endsWith('.txt'))
    .sort()) {
    test(file.replace(/\.txt$/, '').replaceAll('-', ' '), () => {
      const path = join(directory, file);
      const blocks = parseScenario(readFileSync(path, 'utf8'));
      const interpreter = start();
      const told = blocks.map((block) => ({
        ...block,
        expected: block.commands.flatMap((command) => interpreter.run(command)),
      }));
      if (process.env['UPDATE_SCENARIOS'] === '1') writeFileSync(path, printScenario(told));
      else expect(printScenario(told)).toBe(printScenario(blocks));
    });
  }
}

function printScenario(blocks: readonly Block[]): string {
  const texts = blocks.map(({ comments, commands, expected }) =>
    [...comments, ...commands, ...(commands.length === 0 ? [] : ['----', ...expected])].join('\n'),
  );
  return `${texts.join('\n\n')}\n`;
}
