import { Volume } from '@meseta/protocol';
import { containerVolumes, type Parent } from './container-volumes';

const read = (json: object, parent?: Parent) =>
  containerVolumes([Volume.fromJSON(json)], '/agent/sandbox', parent);
const data = { source: '/agent/volumes/v1', target: 'data', readOnly: false, isVolume: true };
const group: Parent = {
  sandbox: '/agent/group',
  volumes: [data, { ...data, source: '/agent/volumes/v2', target: 'kept/here/', readOnly: true }],
  isBusy: false,
};
const ofSandbox = (type: string, path: string) => ({
  containerPath: 'seen',
  source: { type: 'SANDBOX_PATH', sandboxPath: { type, path } },
});
const ofMachine = (path: string, more: object = {}) => ({
  containerPath: '/seen',
  mode: 'RO',
  source: { type: 'HOST_PATH', hostPath: { path, ...more } },
});

test.each([
  [
    { containerPath: 'seen', hostPath: '/data', mode: 'RW' },
    { source: '/data', within: '/', readOnly: false },
  ],
  [
    { containerPath: 'seen', hostPath: 'sub' },
    { source: '/agent/sandbox/sub', within: '/agent/sandbox' },
  ],
  [ofMachine('/data'), { source: '/data', within: '/', readOnly: true, target: '/seen' }],
  [ofSandbox('SELF', 'sub'), { source: '/agent/sandbox/sub', within: '/agent/sandbox', target: 'seen' }],
  [ofSandbox('PARENT', 'sub'), { source: '/agent/group/sub', within: '/agent/group' }],
  // E50: what is a volume of the executor is that.
  [
    ofSandbox('PARENT', 'data'),
    { source: '/agent/volumes/v1', within: '/agent/volumes/v1', readOnly: false, isVolume: true },
  ],
  [ofSandbox('PARENT', './data/sub'), { source: '/agent/volumes/v1/sub', within: '/agent/volumes/v1' }],
  [ofSandbox('PARENT', 'kept/here'), { source: '/agent/volumes/v2', readOnly: true, isVolume: true }],
  [ofSandbox('PARENT', 'database'), { source: '/agent/group/database', within: '/agent/group' }],
])('%j', (volume, mount) => {
  expect(read(volume, group)).toEqual([expect.objectContaining({ isVolume: false, ...mount })]);
});

test('R44: the volume of an executor keeps its owner while others of it run', () => {
  const busy = { ...group, isBusy: true };
  expect(read(ofSandbox('PARENT', 'data'), busy)).toEqual([expect.objectContaining({ isVolume: false })]);
});

test('a secret is no path', () => {
  expect(read({ containerPath: 'key', source: { type: 'SECRET', secret: { type: 'VALUE' } } })).toEqual([]);
});

test.each([
  [{ hostPath: '/data' }, 'volume : container_path must be set'],
  [{ containerPath: 'seen' }, 'volume seen: host_path must be set'],
  [
    { containerPath: 'seen', hostPath: '/x', image: { type: 'DOCKER' } },
    'volume seen: image must not be set together with another source',
  ],
  [{ containerPath: 'seen', hostPath: '../other' }, 'a relative host_path must lie in the sandbox'],
  [ofMachine('data'), 'source.host_path.path must be absolute'],
  [
    ofMachine('/data', { mountPropagation: { mode: 'BIDIRECTIONAL' } }),
    'source.host_path.mount_propagation needs a container of type DOCKER',
  ],
  [ofSandbox('SELF', '..'), 'source.sandbox_path.path must lie in the sandbox'],
  [ofSandbox('PARENT', 'sub'), 'source.sandbox_path of type PARENT needs a task of a group'],
  [
    { containerPath: 'seen', source: { type: 'CSI_VOLUME' } },
    'only sources of type HOST_PATH, SANDBOX_PATH and SECRET are supported',
  ],
])('%j is refused', (volume, message) => {
  expect(() => read(volume)).toThrow(message);
});
