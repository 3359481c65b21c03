import { isFailureError, version } from '@meseta/kit';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { listAgents, showAgent } from './commands/agents';
import { attach, type AttachFlags } from './commands/attach';
import { activateAgent, deactivateAgent, drainAgent, markAgentGone, type DrainFlags } from './commands/drain';
import { exec, type ExecFlags } from './commands/exec';
import { listFiles, printFile } from './commands/files';
import { watchEvents, type EventsFlags } from './commands/events';
import { explain } from './commands/explain';
import { listFrameworks, showFramework, type FrameworksFlags } from './commands/frameworks';
import { killTask, type KillFlags } from './commands/kill';
import { showLogs, type LogsFlags } from './commands/logs';
import {
  moveMachines,
  scheduleMaintenance,
  showMaintenance,
  type ScheduleFlags,
} from './commands/maintenance';
import { listQuotas, removeQuota, setQuota, type QuotaFlags } from './commands/quota';
import { reserve, unreserve, type ReserveFlags } from './commands/reserve';
import { listRoles } from './commands/roles';
import { run } from './commands/run';
import { showState } from './commands/state';
import { showTask } from './commands/task';
import { listTasks, type TasksFlags } from './commands/tasks';
import { up, type UpFlags } from './commands/up';
import { showVersion } from './commands/version';
import {
  createVolume,
  destroyVolume,
  listVolumes,
  resizeVolume,
  type CreateVolumeFlags,
  type VolumeFlags,
} from './commands/volumes';
import { listWeights, setWeights } from './commands/weights';
import type { CliContext, ClusterFlags } from './context';
import type { RunFlags } from './run/run-plan';

/** Exit statuses: of a command that failed, and of one that was not understood. */
const exitFailed = 1;
const exitUsage = 2;

/** Runs the command that the arguments name and returns its exit status: 0 only on success. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  let exit = 0;
  const program = buildProgram(context, (status) => (exit = status));
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      // Without a command commander calls its help an error.
      const text =
        error.code === 'commander.help' ? program.helpInformation() : `meseta: ${oneLine(error.message)}\n`;
      context.err.write(text);
      return exitUsage;
    }
    const message = error instanceof Error ? error.message : String(error);
    context.err.write(`meseta: ${message.split('\n')[0] ?? ''}\n`);
    return isFailureError(error) && error.failure.kind === 'invalid' ? exitUsage : exitFailed;
  }
}

function buildProgram(context: CliContext, setExit: (status: number) => void): Command {
  const program = new Command('meseta')
    .description('Runs and watches a Meseta cluster: many machines as one pool of resources.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: (text) => context.out.write(text), writeErr: () => undefined })
    .showHelpAfterError(false);
  // Given before the command it holds for any.
  program.addOption(new Option('-m, --master <addresses>', 'the masters, as of every command'));
  program.hook('preAction', (_program, action) => {
    const master: unknown = program.opts()['master'];
    if (master !== undefined && action.getOptionValueSource('master') !== 'cli')
      action.setOptionValue('master', master);
  });
  const command: AddCommand = (usage, description) => program.command(usage).description(description);
  const onCluster = (usage: string, description: string): Command =>
    command(usage, description).addOption(masterOption(context)).addOption(outputOption());

  addUp(command, context, setExit);
  addRun(command, context, setExit);
  onCluster('tasks', 'list tasks')
    .option('-a, --all', 'also those that have ended')
    .option('-f, --framework <id>', 'of this framework only')
    .action((flags: TasksFlags) => listTasks(context, flags));
  onCluster('task <id>', 'show one task (an id may be cut to what is unique)').action(
    (id: string, flags: ClusterFlags) => showTask(context, id, flags),
  );
  onCluster('kill <id>', 'kill a task')
    .option('--grace <duration>', 'how long it may take to end')
    .action((id: string, flags: KillFlags) => killTask(context, id, flags));
  command('logs <id>', "print a task's output")
    .addOption(masterOption(context))
    .option('-f, --follow', 'go on until the task has ended')
    .option('--stderr', 'stderr instead of stdout')
    .option('--tail <bytes>', 'only the last so many bytes', wholeNumber)
    .action((id: string, flags: LogsFlags) => showLogs(context, id, flags));
  command('exec <id> <command...>', 'run a command beside a task, in all that isolates it')
    .addOption(masterOption(context))
    .option('-i, --interactive', 'hand over what is typed')
    .option('-t, --tty', 'give the command a terminal')
    .passThroughOptions()
    .action(async (id: string, words: string[], flags: ExecFlags) =>
      // As with docker exec and kubectl exec, what begins after `--` is the command's.
      setExit(await exec(context, id, words[0] === '--' ? words.slice(1) : words, flags)),
    );
  command('attach <id>', 'print what a task prints from now on')
    .addOption(masterOption(context))
    .option('-i, --interactive', 'hand over what is typed to the terminal of the task; ctrl-P ctrl-Q leaves')
    .action((id: string, flags: AttachFlags) => attach(context, id, flags));
  onCluster('files <id> [path]', "list a folder of a task's sandbox").action(
    (id: string, path: string | undefined, flags: ClusterFlags) => listFiles(context, id, path ?? '', flags),
  );
  command('cat <id> <path>', "print a file of a task's sandbox")
    .addOption(masterOption(context))
    .action((id: string, path: string, flags: ClusterFlags) => printFile(context, id, path, flags));
  onCluster('agents', 'list agents').action((flags: ClusterFlags) => listAgents(context, flags));
  onCluster('agent <id>', 'show one agent').action((id: string, flags: ClusterFlags) =>
    showAgent(context, id, flags),
  );
  onCluster('drain <agent>', 'end the tasks of an agent, and offer nothing of it')
    .option('--grace <duration>', 'the most that a task gets to end')
    .option('--mark-gone', 'mark it gone once it is empty')
    .action((id: string, flags: DrainFlags) => drainAgent(context, id, flags));
  onCluster('deactivate <agent>', 'offer nothing of an agent; what runs there goes on').action(
    (id: string, flags: ClusterFlags) => deactivateAgent(context, id, flags),
  );
  onCluster('activate <agent>', 'offer an agent again').action((id: string, flags: ClusterFlags) =>
    activateAgent(context, id, flags),
  );
  onCluster('gone <agent>', 'say that an agent will never come back; cannot be undone').action(
    (id: string, flags: ClusterFlags) => markAgentGone(context, id, flags),
  );
  addMaintenance(onCluster('maintenance', 'show, plan, start and stop the maintenance of machines'), context);
  onCluster('frameworks', 'list frameworks')
    .option('-a, --all', 'also those that have ended')
    .action((flags: FrameworksFlags) => listFrameworks(context, flags));
  onCluster('framework <id>', 'show one framework').action((id: string, flags: ClusterFlags) =>
    showFramework(context, id, flags),
  );
  onCluster('state', 'show the cluster at a glance').action((flags: ClusterFlags) =>
    showState(context, flags),
  );
  onCluster('events', 'print what happens in the cluster, until ctrl-C')
    .option('--after <resume>', 'go on behind this resume point')
    .action((flags: EventsFlags) => watchEvents(context, flags));
  onCluster('explain <framework> [role]', 'say why a framework gets no offers').action(
    (id: string, role: string | undefined, flags: ClusterFlags) => explain(context, id, role ?? '', flags),
  );
  onCluster('reserve <agent> <resources>', "set an agent's resources aside for a role")
    .requiredOption('--role <role>', 'for whom')
    .option('--from <role>', 'of what is reserved to this role, instead of to nobody')
    .action((id: string, text: string, flags: ReserveFlags) => reserve(context, id, text, flags));
  onCluster('unreserve <agent> <resources>', 'undo a reservation')
    .requiredOption('--role <role>', 'for whom they are reserved')
    .action((id: string, text: string, flags: ReserveFlags) => unreserve(context, id, text, flags));
  addVolumes(onCluster('volumes', 'list persistent volumes, or create, resize and destroy them'), context);
  onCluster('roles', 'list roles').action((flags: ClusterFlags) => listRoles(context, flags));
  addQuota(onCluster('quota', 'list quotas, or set and remove them'), context);
  addWeights(onCluster('weights', 'list weights, or set them'), context);
  onCluster('version', 'print the versions of this program and of the master').action((flags: ClusterFlags) =>
    showVersion(context, flags),
  );
  return program;
}

type AddCommand = (usage: string, description: string) => Command;

function addQuota(quota: Command, context: CliContext): void {
  quota.action((flags: ClusterFlags) => listQuotas(context, flags));
  quota
    .command('set <role>')
    .description("set a role's quota; what is not said is taken away")
    .addOption(masterOption(context))
    .addOption(outputOption())
    .option('--guarantee <resources>', 'what it is sure of, as cpus:4;mem:1024')
    .option('--limit <resources>', 'what it may have at most')
    .option('--force', 'also below what it uses, and beyond what there is')
    .action((role: string, flags: QuotaFlags) => setQuota(context, role, flags));
  quota
    .command('remove <role>')
    .description("take a role's quota away")
    .addOption(masterOption(context))
    .addOption(outputOption())
    .action((role: string, flags: ClusterFlags) => removeQuota(context, role, flags));
}

function addVolumes(volumes: Command, context: CliContext): void {
  const onCluster = (usage: string, description: string): Command =>
    volumes
      .command(usage)
      .description(description)
      .addOption(masterOption(context))
      .addOption(outputOption());
  volumes.action((flags: ClusterFlags) => listVolumes(context, flags));
  onCluster('create <agent> <id> <megabytes>', "make a volume of an agent's reserved disk")
    .requiredOption('--role <role>', 'to whom the disk is reserved')
    .option('--path <path>', 'where tasks find it in their sandboxes, if they do not say', 'data')
    .option('--shared', 'let several tasks use it at once')
    .action((agent: string, id: string, size: string, flags: CreateVolumeFlags) =>
      createVolume(context, [agent, id, size], flags),
    );
  onCluster('resize <agent> <id> <megabytes>', 'make a volume larger or smaller; what is on it stays')
    .option('--role <role>', 'whose volume, if several roles have one of this id')
    .action((agent: string, id: string, size: string, flags: VolumeFlags) =>
      resizeVolume(context, [agent, id, size], flags),
    );
  onCluster('destroy <agent> <id>', 'delete a volume with what is on it')
    .option('--role <role>', 'whose volume, if several roles have one of this id')
    .action((agent: string, id: string, flags: VolumeFlags) => destroyVolume(context, [agent, id], flags));
}

function addMaintenance(maintenance: Command, context: CliContext): void {
  const onCluster = (usage: string, description: string): Command =>
    maintenance
      .command(usage)
      .description(description)
      .addOption(masterOption(context))
      .addOption(outputOption());
  maintenance.action((flags: ClusterFlags) => showMaintenance(context, flags));
  onCluster('status', 'what frameworks said to planned maintenance, and which machines are down').action(
    (flags: ClusterFlags) => showMaintenance(context, flags),
  );
  onCluster('schedule [machine...]', 'show the plan, or plan the maintenance of machines anew')
    .option('--at <time>', 'when it begins, as 2026-05-01T08:00:00Z or 10m from now (default: now)')
    .option('--for <duration>', 'how long it lasts (default: for ever)')
    .option('--cancel', 'take them out of the plan')
    .action((words: string[], flags: ScheduleFlags) => scheduleMaintenance(context, words, flags));
  onCluster('start <machine...>', 'take scheduled machines out of use; their agents are removed').action(
    (words: string[], flags: ClusterFlags) => moveMachines(context, 'start', words, flags),
  );
  onCluster('stop <machine...>', 'bring machines back into use').action(
    (words: string[], flags: ClusterFlags) => moveMachines(context, 'stop', words, flags),
  );
}

function addWeights(weights: Command, context: CliContext): void {
  weights.action((flags: ClusterFlags) => listWeights(context, flags));
  weights
    .command('set <role=weight...>')
    .description('set weights, as web=2 batch=0.5')
    .addOption(masterOption(context))
    .addOption(outputOption())
    .action((words: string[], flags: ClusterFlags) => setWeights(context, words, flags));
}

function addUp(command: AddCommand, context: CliContext, setExit: (status: number) => void): void {
  command('up', 'start a cluster on this machine, until ctrl-C')
    .option('--agents <count>', 'how many agents', '1')
    .option('--masters <count>', 'how many masters, of which one leads', '1')
    .option(
      '--agent-resources <resources>',
      "an agent's resources, as cpus:2;mem:1024; repeat it for each agent",
      collect,
    )
    .option(
      '--agent-attributes <attributes>',
      "an agent's attributes, as rack:a; repeat it for each agent",
      collect,
    )
    .option('--runtime <runtimes>', "the agents' runtimes: process, docker or both")
    .option('--work-dir <path>', 'where everything is kept', '.meseta')
    .option('--base-port <port>', 'use the ports from this one on')
    .option('--ephemeral-ports', 'use any free ports')
    .option('--kill-tasks', 'kill all tasks at the end')
    .addOption(outputOption())
    .action(async (flags: UpFlags) => setExit(await up(context, flags)));
}

function addRun(command: AddCommand, context: CliContext, setExit: (status: number) => void): void {
  command(
    'run [command...]',
    "run copies of a command: one word is a line for the shell, several are a program's arguments",
  )
    .passThroughOptions()
    .addOption(masterOption(context))
    .option('-n, --instances <count>', 'how many copies', '1')
    .option('-r, --resources <resources>', 'what each needs', 'cpus:0.1;mem:32')
    .option('--image <image>', 'an image to run it in')
    .option('--runtime <runtime>', 'what runs the image: docker, or process for agents without Docker')
    .option(
      '--network <network>',
      'host, bridge for an image in Docker, or the name of a network of the agents',
      'host',
    )
    .option('-e, --env <KEY=VALUE>', 'an environment variable; may be repeated', collect)
    .option('--name <name>', 'what to call it')
    .option('--role <role>', 'the role to get offers in', '*')
    .option('--user <user>', 'whom it runs as')
    .option('-t, --tty', 'give each a terminal; `meseta attach -i` types to it')
    .option('--timeout <duration>', 'kill it after this time, as 5m')
    .action(async (words: string[], flags: RunFlags) => setExit(await run(context, words, flags)));
}

function masterOption(context: CliContext): Option {
  const address = context.env['MESETA_MASTER'] || '127.0.0.1:5060';
  return new Option(
    '-m, --master <addresses>',
    'the masters, host:port[,host:port…] (MESETA_MASTER)',
  ).default(address);
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text');
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** Commander puts its suggestion on a second line. */
function oneLine(message: string): string {
  return message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace('(Did you mean', '(did you mean')
    .trim();
}
