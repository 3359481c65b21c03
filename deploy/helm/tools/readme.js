// Makes what the chart repeats from elsewhere, so that it cannot say anything else: README.md from the comments of values.yaml, and
// files/ (rules, dashboards) from deploy/observability, since a chart can only hold files of its own folder.
//
//   node deploy/helm/tools/readme.js            writes them
//   node deploy/helm/tools/readme.js --check    says which are not up to date, and exits with 1
const { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { dirname, join, relative } = require('node:path');

const repository = join(__dirname, '../../..');
const chart = join(__dirname, '../meseta');
const observability = join(repository, 'deploy/observability');

const wanted = new Map([
  [join(chart, 'README.md'), readme(readFileSync(join(chart, 'values.yaml'), 'utf8'))],
  ...copies(join(observability, 'rules'), /^meseta\.yaml$/, join(chart, 'files/rules')),
  ...copies(join(observability, 'dashboards/json'), /\.json$/, join(chart, 'files/dashboards')),
]);
const leftOver = ['rules', 'dashboards']
  .map((folder) => join(chart, 'files', folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => !wanted.has(path));
const stale = [...wanted].filter(([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text);

if (process.argv.includes('--check')) {
  for (const path of [...stale.map(([path]) => path), ...leftOver]) {
    console.error(`${relative(repository, path)} is not up to date: run node deploy/helm/tools/readme.js`);
    process.exitCode = 1;
  }
} else {
  for (const path of leftOver) rmSync(path);
  for (const [path, text] of stale) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(relative(repository, path));
  }
}

function copies(from, names, to) {
  if (!existsSync(from)) return [];
  return readdirSync(from)
    .filter((name) => names.test(name))
    .map((name) => [join(to, name), readFileSync(join(from, name), 'utf8')]);
}

function readme(values) {
  const sections = [{ title: 'General', text: '', rows: [] }];
  for (const { path, comment, value } of documented(values)) {
    if (value !== undefined) {
      sections.at(-1).rows.push([`\`${path}\``, value === "''" ? '' : `\`${value}\``, comment]);
    } else if (!path.includes('.')) {
      sections.push({ title: path, text: comment, rows: [] });
    } else {
      sections.at(-1).rows.push([`\`${path}\``, '', comment]);
    }
  }
  const tables = sections.map(({ title, text, rows }) =>
    [
      `## ${title}`,
      ...(text === '' ? [] : [text]),
      [
        '| value | default | meaning |',
        '| --- | --- | --- |',
        ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`),
      ].join('\n'),
    ].join('\n\n'),
  );
  return `${intro()}\n${tables.join('\n\n')}\n`;
}

/** Every key of values.yaml, with the comment above it; a key with its value on its own line is a leaf. */
function documented(text) {
  const found = [];
  const parents = [];
  let comment = [];
  text.split('\n').forEach((line, index) => {
    const key = /^( *)([A-Za-z]+):(?: (.*))?$/.exec(line);
    const words = /^ *# ?(.*)$/.exec(line);
    if (words !== null) comment.push(words[1]);
    else if (line.trim() === '') comment = [];
    else if (key === null)
      fail(index, 'is neither a comment nor `key: value`; write lists and maps on one line');
    else {
      const [, indent, name, value] = key;
      if (comment.length === 0) fail(index, `${name} has no comment above it`);
      parents.length = indent.length / 2;
      found.push({ path: [...parents, name].join('.'), comment: comment.join(' '), value });
      parents.push(name);
      comment = [];
    }
  });
  return found;

  function fail(index, why) {
    console.error(`values.yaml:${index + 1}: ${why}`);
    process.exit(1);
  }
}

function cell(text) {
  return text.replaceAll('|', '\\|');
}

function intro() {
  return `# Helm chart of Meseta

<!-- Made by deploy/helm/tools/readme.js from values.yaml; change it there. -->

\`\`\`sh
helm install meseta deploy/helm/meseta --namespace meseta --create-namespace
kubectl --namespace meseta exec deploy/meseta-allocator -- meseta run 'echo hello'
helm test meseta --namespace meseta
\`\`\`

**Not secured.** The services listen on all addresses of their pods without certificates or authentication
(\`--host 0.0.0.0 --insecure\`): whoever reaches a master can run commands on every agent. Network policies are the
only fence, if the cluster's network plugin enforces them.

What the chart makes, how to upgrade it and what stays behind: docs/operating/kubernetes.md. A value that is not listed here is
refused.
`;
}
