import { parseDomain, printDomain } from './domain';
import { isFailure } from './failure';

test.each([
  ['eu/a', 'eu', 'a'],
  [' eu-west / a ', 'eu-west', 'a'],
  ['{"fault_domain":{"region":{"name":"eu"},"zone":{"name":"a"}}}', 'eu', 'a'],
  [' {"fault_domain": {"zone": {"name": "rack 1/2"}, "region": {"name": "eu"}}} ', 'eu', 'rack 1/2'],
])('%s', (text, region, zone) => expect(parseDomain(text)).toEqual({ region, zone }));

test.each([
  '',
  'eu',
  'eu/',
  '/a',
  'eu/a/b',
  '{}',
  '{"fault_domain":{}}',
  '{"fault_domain":{"region":{"name":"eu"}}}',
  '{"fault_domain":{"region":{"name":"eu"},"zone":{"name":""}}}',
  '{"fault_domain":{"region":{"name":"eu"},"zone":{"name":1}}}',
  '{"fault_domain":{"region":{"name":"eu"},"zone":{"name":"a"},"rack":{"name":"r"}}}',
])('%j is refused', (text) =>
  expect(parseDomain(text)).toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/^domain must be region\/zone, or \{/) as string,
  }),
);

test('what is not JSON is told where it breaks', () => {
  const refused = parseDomain('{"fault_domain"');
  expect(isFailure(refused) && refused.message).toMatch(/^domain is not JSON: /);
});

test('the short form is read and printed', () =>
  expect(printDomain({ region: 'eu', zone: 'a' })).toBe('eu/a'));
