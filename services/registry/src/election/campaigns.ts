import { randomUUID } from 'node:crypto';
import {
  Campaign,
  type CampaignDeps,
  type CampaignPeer,
  type CampaignRequest,
  type CampaignState,
} from './campaign';

/** The campaigns whose streams end at this instance. */
export class Campaigns {
  readonly #deps: CampaignDeps;
  readonly #open = new Set<Campaign>();
  #stopping = false;

  constructor(deps: CampaignDeps) {
    this.#deps = deps;
  }

  /** How many campaigns are in a state. */
  count(state: CampaignState): number {
    return [...this.#open].filter((campaign) => campaign.state === state).length;
  }

  start(request: Omit<CampaignRequest, 'holder'>, peer: CampaignPeer): Campaign {
    const campaign: Campaign = new Campaign(
      { ...request, holder: randomUUID() },
      {
        send: (event) => peer.send(event),
        finish: (failed) => {
          this.#open.delete(campaign);
          peer.finish(failed);
        },
      },
      this.#deps,
    );
    this.#open.add(campaign);
    if (this.#stopping) campaign.release();
    else campaign.start();
    return campaign;
  }

  /** The candidate of a campaign is gone. */
  abandon(campaign: Campaign): void {
    this.#open.delete(campaign);
    campaign.abandon();
  }

  /** This instance stops: every candidate is sent to another one, with its lease. */
  releaseAll(): void {
    this.#stopping = true;
    for (const campaign of [...this.#open]) campaign.release();
  }
}
