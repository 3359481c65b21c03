import type { ServerDuplexStream } from '@grpc/grpc-js';
import { failure, isFailure, type Failure } from '@meseta/model';
import type { internal } from '@meseta/protocol';
import type { Campaign } from '../election/campaign';
import type { Campaigns } from '../election/campaigns';
import { checkElection } from './check';
import { failStream } from './fail-stream';

type Stream = ServerDuplexStream<internal.CampaignRequest, internal.CampaignResponse>;

/** Answers Campaign: the first message starts it, every later one is a heartbeat, the end of the stream ends it. */
export function campaignHandler(campaigns: Campaigns): internal.RegistryServiceServer['campaign'] {
  return (stream: Stream) => {
    let campaign: Campaign | undefined;
    let finished = false;
    const finish = (failed?: Failure): void => {
      if (finished) return;
      finished = true;
      if (failed === undefined) stream.end();
      else failStream(stream, failed);
    };
    const leave = (): void => {
      if (campaign !== undefined) campaigns.abandon(campaign);
    };
    stream.on('data', (message: internal.CampaignRequest) => {
      if (finished) return;
      if (campaign !== undefined) {
        campaign.heartbeat();
        return;
      }
      const request = requestOf(message);
      if (isFailure(request)) {
        finish(request);
        return;
      }
      campaign = campaigns.start(request, { send: (event) => stream.write({ event }), finish });
    });
    stream.on('end', () => {
      leave();
      finish();
    });
    stream.on('cancelled', leave);
    stream.on('error', leave);
  };
}

function requestOf(message: internal.CampaignRequest) {
  const election = checkElection(message.election);
  if (isFailure(election)) return election;
  const { candidate, carried } = message;
  if (candidate === undefined || candidate.id === '') {
    return failure('invalid', 'candidate.id must be set', { field: 'candidate.id' });
  }
  if (carried !== undefined && (carried.term <= 0n || carried.leaseId <= 0n)) {
    return failure('invalid', 'carried must have a term and a lease_id', { field: 'carried' });
  }
  return { election, candidate, ...(carried === undefined ? {} : { carried }) };
}
