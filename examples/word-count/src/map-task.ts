// What one map task runs: counts the words of the files listed in one file, and writes the counts to another.
//
//   node map-task.js LIST OUTPUT

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { countWords, type Counts } from './words';

const [list = '', output = ''] = process.argv.slice(2);
const paths = readFileSync(list, 'utf8')
  .split('\n')
  .filter((line) => line !== '');
const counts: Counts = new Map();
for (const path of paths) countWords(readFileSync(path, 'utf8'), counts);
// Written aside and renamed, so that whoever sees the file sees all of it.
writeFileSync(`${output}.part`, JSON.stringify([...counts]));
renameSync(`${output}.part`, output);
console.log(`${paths.length} files, ${counts.size} different words`);
