import { FailureError } from '@meseta/kit';
import { failure, isFailure, Resources } from '@meseta/model';
import { GetQuotaResponse, quantitiesToProto, type Value_Scalar } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { renderTable } from '../output/table';
import { nothing, numberWord } from '../output/words';

/** What `meseta quota-set` can be told. */
export interface QuotaFlags extends ClusterFlags {
  readonly guarantee?: string;
  readonly limit?: string;
  readonly force?: boolean;
}

/** `meseta quota`: who is sure of what, who may have how much, and who has. */
export function listQuotas(context: CliContext, flags: ClusterFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const answer = await operator.quota();
    const rows = (answer.status?.configs ?? []).flatMap(({ role = '', guarantees, limits }) => {
      const consumed = answer.consumptions.find((one) => one.role === role)?.consumed ?? {};
      const names = [...new Set([...Object.keys(guarantees), ...Object.keys(limits)])].sort();
      return names.map((name) => [
        role,
        name,
        amountWord(guarantees[name]),
        amountWord(limits[name]),
        amountWord(consumed[name] ?? { value: 0 }),
      ]);
    });
    print(context, flags.output, GetQuotaResponse.toJSON(answer), () =>
      renderTable(['ROLE', 'RESOURCE', 'GUARANTEE', 'LIMIT', 'CONSUMED'], rows, 'no quotas'),
    );
  });
}

/** `meseta quota set ROLE`: what is not said of it is taken away. */
export function setQuota(context: CliContext, role: string, flags: QuotaFlags): Promise<void> {
  const guarantees = amountsOf('--guarantee', flags.guarantee);
  const limits = amountsOf('--limit', flags.limit);
  return withOperator(context, flags, async (operator) => {
    await operator.updateQuota([{ role, guarantees, limits }], flags.force === true);
    print(context, flags.output, { role, guarantees, limits }, () => `quota of role ${role} is set\n`);
  });
}

/** `meseta quota remove ROLE`. */
export function removeQuota(context: CliContext, role: string, flags: ClusterFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    await operator.updateQuota([{ role, guarantees: {}, limits: {} }]);
    print(context, flags.output, { role }, () => `role ${role} has no quota\n`);
  });
}

/** `cpus:4;mem:1024`; nothing is a limit as well, so `cpus:0` stays. */
function amountsOf(flag: string, text: string | undefined): Record<string, Value_Scalar> {
  if (text === undefined) return {};
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new FailureError({ ...parsed, message: `${flag}: ${parsed.message}` });
  if (parsed.entries.some((entry) => entry.value.kind !== 'scalar' || entry.reservations.length > 0))
    throw new FailureError(
      failure('invalid', `${flag} must be amounts such as cpus:4;mem:1024`, { field: flag }),
    );
  const named = text.split(';').map((part) => (part.split(':')[0] ?? '').trim());
  const amounts = quantitiesToProto(parsed.quantities());
  return Object.fromEntries(
    named.filter((name) => name !== '').map((name) => [name, amounts[name] ?? { value: 0 }]),
  );
}

function amountWord(amount: Value_Scalar | undefined): string {
  return amount === undefined ? nothing : numberWord(amount.value ?? 0);
}
