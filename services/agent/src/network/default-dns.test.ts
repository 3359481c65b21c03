import { isFailure } from '@meseta/model';
import { defaultDnsOf, parseDefaultDns } from './default-dns';

const web = {
  network_mode: 'CNI',
  network_name: 'web',
  dns: { nameservers: ['192.0.2.1'], search: ['web.test'] },
};
const any = { network_mode: 'CNI', dns: { nameservers: ['192.0.2.2', '192.0.2.3'] } };

test('a network has its own, any other what is for all, and none without that the machine’s', () => {
  const both = parseDefaultDns(JSON.stringify({ mesos: [web, any] }));
  const one = parseDefaultDns(JSON.stringify({ mesos: [web] }));
  if (isFailure(both) || isFailure(one)) throw new Error('both are right');
  expect(defaultDnsOf(both, 'web')).toEqual({
    nameservers: ['192.0.2.1'],
    search: ['web.test'],
    options: [],
  });
  expect(defaultDnsOf(both, 'other')?.nameservers).toEqual(['192.0.2.2', '192.0.2.3']);
  expect(defaultDnsOf(one, 'other')).toBeUndefined();
});

test.each<[string, unknown]>([
  ['must be JSON', undefined],
  ['must have a list under "mesos", and nothing else', []],
  ['must have a list under "mesos", and nothing else', { mesos: [], docker: [] }],
  ['mesos[0] must be an object', { mesos: ['web'] }],
  ['mesos[0].network_mode must be CNI', { mesos: [{ ...web, network_mode: 'BRIDGE' }] }],
  ['mesos[0].network_name must be text', { mesos: [{ ...web, network_name: 7 }] }],
  ['mesos[1].network_name must be unique', { mesos: [any, any] }],
  ['mesos[0].dns.nameservers must name at least one server', { mesos: [{ ...web, dns: {} }] }],
])('refused: %s', (rule, given) => {
  expect(parseDefaultDns(given === undefined ? 'web' : JSON.stringify(given))).toMatchObject({
    message: rule,
  });
});
