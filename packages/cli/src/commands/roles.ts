import { Role } from '@meseta/protocol';
import { print, withOperator, type CliContext, type ClusterFlags } from '../context';
import { renderTable } from '../output/table';
import { numberWord, scalarOf } from '../output/words';

/** `meseta roles`: whom resources are shared out between. */
export function listRoles(context: CliContext, flags: ClusterFlags): Promise<void> {
  return withOperator(context, flags, async (operator) => {
    const roles = [...(await operator.roles())].sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
    print(
      context,
      flags.output,
      roles.map((role) => Role.toJSON(role)),
      () =>
        renderTable(
          ['ROLE', 'WEIGHT', 'FRAMEWORKS', 'CPUS', 'MEM', 'DISK'],
          roles.map((role) => [
            role.name ?? '',
            numberWord(role.weight ?? 1),
            String(role.frameworks.length),
            ...['cpus', 'mem', 'disk'].map((name) => numberWord(scalarOf(role.resources, name))),
          ]),
          'no roles',
        ),
    );
  });
}
