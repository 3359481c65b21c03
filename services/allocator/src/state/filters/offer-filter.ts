import type { Resources } from '@meseta/model';

/** A framework said no to these resources, until a moment. */
export interface OfferFilter {
  readonly resources: Resources;
  readonly untilMs: number;
}
