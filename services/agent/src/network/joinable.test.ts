import { Resources } from '@meseta/model';
import { ContainerInfo } from '@meseta/protocol';
import { networkRefusal } from './joinable';
import { parseNetworkConfig, type NetworkConfig } from './network-config';

const resources = Resources.parse('cpus:1;ports:[31000-31009]') as Resources;
const able = parseNetworkConfig(
  JSON.stringify({
    cniVersion: '1.0.0',
    name: 'able',
    type: 'bridge',
    capabilities: { ips: true, portMappings: true },
  }),
) as NetworkConfig;
const plain = parseNetworkConfig(
  JSON.stringify({ cniVersion: '0.3.1', name: 'plain', type: 'bridge' }),
) as NetworkConfig;
const networks = new Map([able, plain].map((network) => [network.name, network]));

function refusal(
  networkInfos: readonly object[],
  of: typeof networks | undefined = networks,
): string | undefined {
  return networkRefusal(ContainerInfo.fromJSON({ type: 'MESOS', networkInfos }), resources, of);
}

test.each<[readonly object[]]>([
  [[]],
  [[{}]],
  [[{ name: 'plain' }, { name: 'able' }]],
  [[{ name: 'plain', ipAddresses: [{ protocol: 'IPv4' }] }]],
  [[{ name: 'able', ipAddresses: [{ ipAddress: '10.0.0.7' }, { ipAddress: 'fd00::7' }] }]],
  [[{ name: 'able', portMappings: [{ hostPort: 31000, containerPort: 80, protocol: 'tcp' }] }]],
  [[{ name: 'able', portMappings: [{ hostPort: 31009, containerPort: 65535 }] }]],
])('%j can be joined', (infos) => {
  expect(refusal(infos)).toBeUndefined();
});

const map = (more: object) => [
  { name: 'able', portMappings: [{ hostPort: 31000, containerPort: 80, ...more }] },
];

test.each<[string, readonly object[]]>([
  ["no network 'none' on this agent (network_infos.name)", [{ name: 'none' }]],
  ["network_infos must not name network 'able' twice", [{ name: 'able' }, {}, { name: 'able' }]],
  [
    'network_infos.port_mappings needs network_infos.name',
    [{ portMappings: [{ hostPort: 31000, containerPort: 80 }] }],
  ],
  ['network_infos.ip_addresses needs network_infos.name', [{ ipAddresses: [{ ipAddress: '10.0.0.7' }] }]],
  [
    "network_infos.ip_addresses: no plugin of network 'plain' has the capability ips",
    [{ name: 'plain', ipAddresses: [{ ipAddress: '10.0.0.7' }] }],
  ],
  [
    "network_infos.ip_addresses.ip_address must be an address, not '10.0.0'",
    [{ name: 'able', ipAddresses: [{ ipAddress: '10.0.0' }] }],
  ],
  [
    'network_infos.ip_addresses must not have both ip_address and protocol',
    [{ name: 'able', ipAddresses: [{ ipAddress: '10.0.0.7', protocol: 'IPv4' }] }],
  ],
  [
    "network_infos.port_mappings: no plugin of network 'plain' has the capability portMappings",
    [{ name: 'plain', portMappings: [{ hostPort: 31000, containerPort: 80 }] }],
  ],
  [
    'network_infos.port_mappings.host_port must be among the task’s ports, and 80 is not',
    map({ hostPort: 80 }),
  ],
  ['network_infos.port_mappings.container_port must be 1 to 65535', map({ containerPort: 0 })],
  ["network_infos.port_mappings.protocol must be tcp or udp, not 'icmp'", map({ protocol: 'icmp' })],
])('refused with %s', (message, infos) => {
  expect(refusal(infos)).toBe(message);
});

test('where tasks are not isolated only the machine’s network is there', () => {
  expect(
    networkRefusal(ContainerInfo.fromJSON({ networkInfos: [{}] }), resources, undefined),
  ).toBeUndefined();
  expect(
    networkRefusal(ContainerInfo.fromJSON({ networkInfos: [{ name: 'able' }] }), resources, undefined),
  ).toBe('network_infos.name needs an agent that runs as root and isolates tasks (--isolate-processes)');
});
