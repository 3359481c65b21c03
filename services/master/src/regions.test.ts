import { domainToProto } from '@meseta/protocol';
import { regionClash } from './regions';

const place = (region: string) => ({ region, zone: 'a' });

test('a leader in another region is one too many', () =>
  expect(regionClash(place('eu'), domainToProto({ region: 'us', zone: 'a' }))).toBe(
    '--domain: this master is in region eu, and the leader in region us: all masters of a cluster must be in one region',
  ));

test.each([
  ['in another zone', place('eu'), { region: 'eu', zone: 'b' }],
  ['that does not say', place('eu'), undefined],
  ['of a master that does not say', undefined, place('eu')],
])('a leader %s is none', (_what, own, leader) =>
  expect(regionClash(own, leader && domainToProto(leader))).toBeUndefined(),
);
