// What the reduce task runs: adds up the counts of all map tasks.
//
//   node reduce-task.js OUTPUT INPUT...

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { addCounts, type Counts } from './words';

const [output = '', ...inputs] = process.argv.slice(2);
const counts: Counts = new Map();
for (const input of inputs) addCounts(JSON.parse(readFileSync(input, 'utf8')) as [string, number][], counts);
writeFileSync(`${output}.part`, JSON.stringify([...counts]));
renameSync(`${output}.part`, output);
console.log(`${inputs.length} parts, ${counts.size} different words`);
