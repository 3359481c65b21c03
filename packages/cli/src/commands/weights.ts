import { FailureError } from '@meseta/kit';
import { failure } from '@meseta/model';
import type { WeightInfo } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { renderTable } from '../output/table';
import { numberWord } from '../output/words';

/** `meseta weights`: those that were set; every other role weighs 1. */
export function listWeights(context: CliContext, flags: ClusterFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const weights = await operator.weights();
    print(context, flags.output, weights, () =>
      renderTable(
        ['ROLE', 'WEIGHT'],
        weights.map(({ role = '', weight = 1 }) => [role, numberWord(weight)]),
        'no weights are set: every role weighs 1',
      ),
    );
  });
}

/** `meseta weights set ROLE=WEIGHT…` */
export function setWeights(
  context: CliContext,
  words: readonly string[],
  flags: ClusterFlags,
): Promise<void> {
  const weights = words.map(weightOf);
  return withOperator(context, flags, async (operator) => {
    await operator.updateWeights(weights);
    print(context, flags.output, weights, () =>
      weights.map(({ role, weight }) => `role ${role} weighs ${numberWord(weight ?? 1)}\n`).join(''),
    );
  });
}

function weightOf(word: string): WeightInfo {
  const cut = word.lastIndexOf('=');
  const weight = Number(word.slice(cut + 1));
  if (cut < 1 || word.slice(cut + 1) === '' || Number.isNaN(weight))
    throw new FailureError(
      failure('invalid', `'${word}' must be ROLE=WEIGHT, as web=2`, { field: 'weight' }),
    );
  return { role: word.slice(0, cut), weight };
}
