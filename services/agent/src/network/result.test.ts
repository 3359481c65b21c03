import { hostsText, resolvText } from './container-files';
import { mainAddressOf, readResult } from './result';

test('what a plugin answered, in whichever version', () => {
  const result = {
    cniVersion: '0.4.0',
    ips: [
      { version: '6', address: 'fd00:1::2/64' },
      { version: '4', address: '10.1.0.2/16', gateway: '10.1.0.1' },
      { version: '4', address: '10.1.0.2/16' },
    ],
    dns: { nameservers: ['10.1.0.1'], domain: 'a.test', search: ['a.test', 'b.test'], options: ['ndots:5'] },
  };
  const { addresses, dns } = readResult(result);
  expect(addresses).toEqual(['fd00:1::2', '10.1.0.2']);
  expect(mainAddressOf(addresses)).toBe('10.1.0.2');
  expect(resolvText(dns)).toBe('domain a.test\nsearch a.test b.test\noptions ndots:5\nnameserver 10.1.0.1\n');
});

test.each([undefined, {}, { ips: 'none', dns: [] }])('a result that says nothing: %j', (result) => {
  expect(readResult(result)).toEqual({ addresses: [], dns: { nameservers: [], search: [], options: [] } });
  expect(mainAddressOf([])).toBeUndefined();
});

test('names of a container in its own hosts file', () => {
  expect(hostsText('box', ['10.1.0.2'])).toBe(
    '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n10.1.0.2 box\n',
  );
});
