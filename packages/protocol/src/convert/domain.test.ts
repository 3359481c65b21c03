import { domainFromProto, domainToProto } from './domain';

test('a place is read as it was written', () => {
  const place = { region: 'eu', zone: 'a' };
  expect(domainFromProto('domain', domainToProto(place))).toEqual(place);
});

test.each([[undefined], [{}]])('%j is no place', (domain) =>
  expect(domainFromProto('domain', domain)).toBeUndefined(),
);

test.each([
  [{ zone: { name: 'a' } }, 'agent_info.domain.fault_domain.region.name must not be empty'],
  [{ region: { name: 'eu' }, zone: {} }, 'agent_info.domain.fault_domain.zone.name must not be empty'],
])('half a place is refused: %j', (faultDomain, message) =>
  expect(domainFromProto('agent_info.domain', { faultDomain })).toMatchObject({ kind: 'invalid', message }),
);
