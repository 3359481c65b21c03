// Run with `make demo`, or `node examples/word-count/dist/main.js [FOLDER]`.

import { join } from 'node:path';
import { demo } from './demo';

const [folder = join(__dirname, '../../../node_modules')] = process.argv.slice(2);

demo(folder).then(
  (agrees) => process.exit(agrees ? 0 : 1),
  (error: unknown) => {
    console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  },
);
