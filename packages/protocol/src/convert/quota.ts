import { isFailure, type Failure, type QuotaConfig } from '@meseta/model';
import type { QuotaConfig as ProtoQuotaConfig } from '../gen/meseta/v1/quota/quota';
import { quantitiesFromProto, quantitiesToProto } from './quantities';

/** A role's quota. A guarantee of nothing is none; a limit of nothing is one. */
export function quotaFromProto(field: string, config: ProtoQuotaConfig): QuotaConfig | Failure {
  const guarantees = quantitiesFromProto(`${field}.guarantees`, config.guarantees);
  if (isFailure(guarantees)) return guarantees;
  const limited = quantitiesFromProto(`${field}.limits`, config.limits);
  if (isFailure(limited)) return limited;
  const limits = new Map(Object.keys(config.limits).map((name) => [name, limited.get(name) ?? 0]));
  return { role: config.role ?? '', guarantees, limits };
}

export function quotaToProto({ role, guarantees, limits }: QuotaConfig): ProtoQuotaConfig {
  return { role, guarantees: quantitiesToProto(guarantees), limits: quantitiesToProto(limits) };
}
