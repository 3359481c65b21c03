import { networkedContainer } from './task-network';

test.each([{}, { network: 'host' }, { portMappings: [] }])('%j is the machine’s network', (spec) => {
  expect(networkedContainer(spec)).toBeUndefined();
});

test('a network by its name, with the ports that lead into it', () => {
  const portMappings = [{ hostPort: 31000, containerPort: 80, protocol: 'tcp' as const }];
  expect(networkedContainer({ network: 'web', portMappings })).toMatchObject({
    type: 'MESOS',
    networkInfos: [{ name: 'web', portMappings }],
  });
});

test('ports of the machine’s own network lead nowhere', () => {
  expect(() => networkedContainer({ portMappings: [{ hostPort: 31000, containerPort: 80 }] })).toThrow(
    'portMappings need a network that is not the machine’s',
  );
});
