import { ContainerInfo } from '../gen/meseta/v1/containers';
import { containerWithoutSecrets } from './secrets';

const secret = { type: 'VALUE', value: { data: 'c2VzYW1l' } };
const image = { type: 'DOCKER', docker: { name: 'web', config: secret } };
const shown = (json: object): unknown => {
  const container = containerWithoutSecrets(ContainerInfo.fromJSON(json));
  return container === undefined ? undefined : ContainerInfo.toJSON(container);
};

test.each([
  ['the image that it runs from', { mesos: { image } }],
  ['an image that is a volume', { volumes: [{ containerPath: 'a', image }] }],
  ['a file', { volumes: [{ containerPath: 'a', source: { type: 'SECRET', secret } }] }],
  ['all of them', { mesos: { image }, volumes: [{ image }, { source: { type: 'SECRET', secret } }] }],
])('a container is shown without the secrets of %s, and with all else', (_, json) => {
  const text = JSON.stringify(shown({ type: 'MESOS', ...json }));
  expect(text).not.toContain('c2VzYW1l');
  const without = JSON.parse(JSON.stringify(json).replaceAll(',"value":{"data":"c2VzYW1l"}', '')) as object;
  expect(JSON.parse(text)).toEqual(
    ContainerInfo.toJSON(ContainerInfo.fromJSON({ type: 'MESOS', ...without })),
  );
});

test('one without any is shown as it is', () => {
  const json = { type: 'MESOS', volumes: [{ containerPath: 'a', hostPath: '/b', mode: 'RO' }] };
  expect(shown(json)).toEqual(ContainerInfo.toJSON(ContainerInfo.fromJSON(json)));
});
