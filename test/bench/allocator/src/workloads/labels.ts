import type { Resources } from '@meseta/model';
import type { Report } from '../report';
import { decline, type Size } from './decline';

/** labels(N, M): as decline, and all of every agent is reserved with twelve labels to the role of all. */
export function labels(report: Report, size: Size): void {
  const reservation = {
    type: 'DYNAMIC' as const,
    role: 'labelled',
    labels: Array.from({ length: 12 }, (_, at) => ({ key: `key-${at}`, value: `value-${at}` })),
  };
  decline(report, size, 'labels', {
    role: 'labelled',
    of: (bag: Resources) => bag.map((entry) => ({ ...entry, reservations: [{ ...reservation }] })),
  });
}
