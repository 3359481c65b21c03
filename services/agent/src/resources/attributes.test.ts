import { isFailure, printAttributes } from '@meseta/model';
import { attributesOf } from './attributes';

const config = { name: '', cniVersion: '1.0.0', plugins: [] };
const networks = new Map([
  ['web', config],
  ['db', config],
]);

test.each([
  [undefined, [{ isolation: 'namespaces' }], 'process_isolation:namespaces'],
  ['rack:a', [{ isolation: 'none' }, {}], 'rack:a;process_isolation:none'],
  ['rack:a', [{}], 'rack:a'],
  [undefined, [{ networks }], 'networks:web,db'],
  ['networks:many', [{ isolation: 'none', networks }], 'networks:many;process_isolation:none'],
  ['process_isolation:vm', [{ isolation: 'cgroups' }], 'process_isolation:vm'],
] as const)('%s on an agent of %j', (given, runtimes, expected) => {
  const attributes = attributesOf(given, runtimes);
  expect(isFailure(attributes) ? attributes.message : printAttributes(attributes)).toBe(expected);
});
