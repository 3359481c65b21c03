// Runs the simulator over a broken variant of a core until a run breaks a promise: node hunt.cjs NAME SEEDS. Prints the seed and the promise.
// The variant is a change of text in a compiled file, made while it is loaded; nothing on disk changes.

const fs = require('node:fs');
const path = require('node:path');
const Module = require('node:module');

const root = path.join(__dirname, '..', '..');
const [name, seeds] = process.argv.slice(2);
const mutant = JSON.parse(fs.readFileSync(path.join(__dirname, 'mutants.json'), 'utf8')).find(
  (one) => one.name === name,
);
if (mutant === undefined) throw new Error(`there is no variant '${name}'`);
const target = fs.realpathSync(path.join(root, mutant.file));
let applied = false;

const load = Module._extensions['.js'];
Module._extensions['.js'] = (module, filename) => {
  if (filename !== target) return load(module, filename);
  const source = fs.readFileSync(filename, 'utf8');
  if (!source.includes(mutant.find))
    throw new Error(`${mutant.file} does not hold '${mutant.find}' any more`);
  applied = true;
  module._compile(source.replace(mutant.find, mutant.replace), filename);
};

const { Simulation } = require(path.join(root, 'packages/testing/dist/simulator/index.js'));
if (!applied) throw new Error(`${mutant.file} was not loaded`);
for (let seed = 1; seed <= Number(seeds); seed++) {
  const { broken } = new Simulation({ seed }).run();
  if (broken === undefined) continue;
  console.log(JSON.stringify({ seed, broken }));
  process.exit(0);
}
console.log(JSON.stringify({}));
