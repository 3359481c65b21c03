// The operator's calls that change what an agent's resources are: reservations and volumes.

import { randomUUID } from 'node:crypto';
import { FailureError, unaryHandler } from '@meseta/kit';
import { isFailure, unallocated } from '@meseta/model';
import {
  Offer_Operation_Type as Type,
  type CreateVolumesRequest,
  type DestroyVolumesRequest,
  type GrowVolumeRequest,
  type Offer_Operation,
  type OperatorServiceServer,
  type ReserveResourcesRequest,
  type ShrinkVolumeRequest,
  type UnreserveResourcesRequest,
} from '@meseta/protocol';
import { termOf, type Leading } from './leading';
import { agentOf, resourceOperationOf } from './read';

type AgentResources = Pick<
  OperatorServiceServer,
  | 'reserveResources'
  | 'unreserveResources'
  | 'createVolumes'
  | 'destroyVolumes'
  | 'growVolume'
  | 'shrinkVolume'
>;

export function agentResourcesHandlers(leading: Leading): AgentResources {
  /** Each is the operation that a framework would name in an ACCEPT. */
  const operate = async (
    agentId: Parameters<typeof agentOf>[0],
    asked: Offer_Operation,
  ): Promise<Record<string, never>> => {
    const term = termOf(leading);
    const { info, operation } = resourceOperationOf(asked);
    if (isFailure(operation)) throw new FailureError(operation);
    const uuid = randomUUID().replaceAll('-', '');
    await term.replies.ask((call) =>
      term.submit({
        kind: 'operateAgent',
        call,
        agentId: agentOf(agentId),
        uuid,
        info,
        // They may have been copied from an agent's offered resources.
        operation: unallocated(operation),
      }),
    );
    return {};
  };
  return {
    reserveResources: unaryHandler(({ agentId, resources, source }: ReserveResourcesRequest) =>
      operate(agentId, { type: Type.RESERVE, reserve: { resources, source } }),
    ),
    unreserveResources: unaryHandler(({ agentId, resources }: UnreserveResourcesRequest) =>
      operate(agentId, { type: Type.UNRESERVE, unreserve: { resources } }),
    ),
    createVolumes: unaryHandler(({ agentId, volumes }: CreateVolumesRequest) =>
      operate(agentId, { type: Type.CREATE, create: { volumes } }),
    ),
    destroyVolumes: unaryHandler(({ agentId, volumes }: DestroyVolumesRequest) =>
      operate(agentId, { type: Type.DESTROY, destroy: { volumes } }),
    ),
    growVolume: unaryHandler(({ agentId, volume, addition }: GrowVolumeRequest) =>
      operate(agentId, { type: Type.GROW_VOLUME, growVolume: { volume, addition } }),
    ),
    shrinkVolume: unaryHandler(({ agentId, volume, subtract }: ShrinkVolumeRequest) =>
      operate(agentId, { type: Type.SHRINK_VOLUME, shrinkVolume: { volume, subtract } }),
    ),
  };
}
