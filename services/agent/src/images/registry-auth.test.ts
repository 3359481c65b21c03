import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFailure } from '@meseta/model';
import { Credentials } from './credentials';
import { registryOf, taggedName } from './image-name';
import { parseDockerConfig } from './registry-auth';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const config = (auths: object): string => JSON.stringify({ auths });

test.each([
  ['debian', 'docker.io', 'debian:latest'],
  ['library/debian:12', 'docker.io', 'library/debian:12'],
  ['localhost/web', 'localhost', 'localhost/web:latest'],
  ['127.0.0.1:5000/team/web', '127.0.0.1:5000', '127.0.0.1:5000/team/web:latest'],
  ['quay.io/team/web@sha256:0123', 'quay.io', 'quay.io/team/web@sha256:0123'],
])('%s is from %s', (image, registry, tagged) => {
  expect([registryOf(image), taggedName(image)]).toEqual([registry, tagged]);
});

test('credentials, as docker login and others write them', () => {
  const auths = parseDockerConfig(
    config({
      'https://index.docker.io/v1/': { auth: base64('me:pass:word') },
      'quay.io': { username: 'robot', password: 'secret' },
      'http://127.0.0.1:5000': { identitytoken: 'token', username: '<token>' },
    }),
  );
  if (isFailure(auths)) throw new Error(auths.message);
  expect(Object.fromEntries(auths)).toEqual({
    'docker.io': { username: 'me', password: 'pass:word', serveraddress: 'https://index.docker.io/v1/' },
    'quay.io': { username: 'robot', password: 'secret', serveraddress: 'quay.io' },
    '127.0.0.1:5000': {
      username: '<token>',
      identitytoken: 'token',
      serveraddress: 'http://127.0.0.1:5000',
    },
  });
});

test.each([
  ['{', 'the configuration of Docker must be JSON'],
  ['[]', 'the configuration of Docker must be an object'],
  [config([]), 'the configuration of Docker must have an object as auths'],
  [
    JSON.stringify({ credsStore: 'desktop' }),
    'the configuration of Docker must have auths: programs that keep credentials (credsStore, credHelpers) are not asked',
  ],
  [
    config({ 'quay.io': { auth: base64('topsecret') } }),
    'the configuration of Docker must have auth, username and password, or a token for quay.io, auth as base64 of name:password',
  ],
])('%s is refused, and what it says is not repeated', (text, message) => {
  expect(parseDockerConfig(text)).toMatchObject({ message });
});

describe('whose credentials', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meseta-auth-'));
    await mkdir(join(folder, 'sandbox/.docker'), { recursive: true });
    await mkdir(join(folder, 'empty'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const own = (name: string): string => config({ 'quay.io': { username: name, password: 'x' } });

  test('a task’s own come before the agent’s, which are read anew each time', async () => {
    const file = join(folder, 'config.json');
    await writeFile(file, own('agent'));
    const credentials = new Credentials(file);
    await writeFile(join(folder, 'sandbox/.docker/config.json'), own('task'));
    const name = async (sandbox: string) => await credentials.for('quay.io/web', join(folder, sandbox));
    expect(await name('sandbox')).toMatchObject({ username: 'task' });
    expect(await name('empty')).toMatchObject({ username: 'agent' });
    await writeFile(file, own('agent-2'));
    expect(await name('empty')).toMatchObject({ username: 'agent-2' });
    expect(await credentials.for('debian', join(folder, 'empty'))).toBeUndefined();
  });

  test('given as JSON, they need no file', async () => {
    expect(await new Credentials(own('inline')).for('quay.io/web', '')).toMatchObject({ username: 'inline' });
  });

  test('a link out of the sandbox is not followed', async () => {
    await writeFile(join(folder, 'elsewhere'), own('agent'));
    await symlink(join(folder, 'elsewhere'), join(folder, 'sandbox/.docker/config.json'));
    const credentials = new Credentials(undefined);
    expect(await credentials.for('quay.io/web', join(folder, 'sandbox'))).toBeUndefined();
    await rm(join(folder, 'sandbox/.docker'), { recursive: true });
    await mkdir(join(folder, 'other'));
    await writeFile(join(folder, 'other/config.json'), own('agent'));
    await symlink(join(folder, 'other'), join(folder, 'sandbox/.docker'));
    expect(await credentials.for('quay.io/web', join(folder, 'sandbox'))).toBeUndefined();
  });

  test('a file that cannot be read is told with its name', async () => {
    expect(await new Credentials(join(folder, 'none.json')).check()).toMatchObject({
      message: expect.stringMatching(/^cannot read .*none\.json: ENOENT \(--docker-config\)$/) as string,
    });
  });
});
