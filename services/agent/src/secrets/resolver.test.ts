import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret, type CommandInfo } from '@meseta/protocol';
import { secretBytesMax, secretResolver, variablesOf } from './resolver';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meseta-secrets-'));
  await writeFile(join(directory, 'token'), 'open sesame');
  await mkdir(join(directory, 'db'));
  await writeFile(join(directory, 'db', 'password'), 'correct horse');
  // As kubelet lays out a volume of secrets.
  await symlink('db/password', join(directory, 'alias'));
  await writeFile(join(directory, 'large'), Buffer.alloc(secretBytesMax + 1));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const value = (text: string) =>
  Secret.fromPartial({ type: 'VALUE' as never, value: { data: Buffer.from(text) } });
const reference = (name: string, key?: string) =>
  Secret.fromPartial({ type: 'REFERENCE' as never, reference: { name, key } });

test.each([
  ['a value', value('as it is'), 'as it is'],
  ['a file', reference('token'), 'open sesame'],
  ['a key of a directory', reference('db', 'password'), 'correct horse'],
  ['a link', reference('alias'), 'correct horse'],
])('%s is resolved', (_, secret, text) => {
  expect(secretResolver(directory)(secret).toString()).toBe(text);
});

test.each([
  ['no type', Secret.fromPartial({}), 'a secret must be of type VALUE or REFERENCE'],
  ['no value', Secret.fromPartial({ type: 'VALUE' as never }), 'a secret of type VALUE must have a value'],
  ['an unknown name', reference('none'), "secret 'none' cannot be read: there is none"],
  ['an unknown key', reference('db', 'none'), "secret 'db' (key 'none') cannot be read: there is none"],
  ['a directory', reference('db'), "secret 'db' cannot be read: EISDIR"],
  ['a way out', reference('..', 'passwd'), "the name and the key of secret '..' (key 'passwd') must be"],
  ['a path', reference('db/password'), "the name and the key of secret 'db/password' must be names of files"],
  ['too much', reference('large'), "secret 'large' must not be larger than 1048576 bytes"],
])('%s is refused', (_, secret, message) => {
  expect(() => secretResolver(directory)(secret)).toThrow(message);
});

test('without a directory there are no references', () => {
  expect(() => secretResolver(undefined)(reference('token'))).toThrow(
    "this agent cannot look up secret 'token': it has no --secret-directory",
  );
});

test('variables have what is in their secrets, and no NUL', () => {
  const resolve = secretResolver(directory);
  const command = (secret: Secret): CommandInfo => ({
    uris: [],
    arguments: [],
    environment: {
      variables: [
        { name: 'A', value: 'a' },
        { name: 'S', type: 'SECRET' as never, secret },
      ],
    },
  });
  expect(variablesOf(command(reference('token')), resolve)).toEqual([
    ['A', 'a'],
    ['S', 'open sesame'],
  ]);
  expect(() => variablesOf(command(value('a\0b')), resolve)).toThrow(
    "the secret of environment variable 'S' must not contain the character NUL",
  );
});
