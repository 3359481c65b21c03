import { filterFile } from '../../seccomp/install';
import type { Terminal } from './terminal';

/** What a task's supervisor is told. Every path is absolute. */
export interface SupervisorPlan {
  readonly setsid: string;
  readonly mv: string;
  /** Written when the task's process exists: `<pid> <start time> <supervisor's pid> <supervisor's start time>`. */
  readonly pidFile: string;
  /** Written, whole or not at all, when the task has ended: its status as a shell counts it. */
  readonly exitFile: string;
  /** If it exists the task must not begin: the agent has already said that it did not. */
  readonly voidFile: string;
  /** The `cgroup.procs` files to join. */
  readonly joins: readonly string[];
  /** How much sooner than others the kernel is to end it for want of memory, proc(5); unset leaves that as it is. */
  readonly oomScore?: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Words to put before the task's shell that change the user and take powers away; empty to stay. */
  readonly switchUser: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  /** Where to begin; unset stays where the supervisor is, in the sandbox. */
  readonly cwd?: string;
  readonly argv: readonly string[];
  /** What the program is to find as its own name; the program's path if unset. */
  readonly argv0?: string;
  /** Unset for a task without one, to which nobody types. */
  readonly terminal?: Terminal;
  /** The program that filters its system calls; unset for a task without one. */
  readonly filter?: string;
  /** Namespaces of its own; unset for a task that shares the machine's. */
  readonly isolation?: IsolationPlan;
  /** Random text that nobody else knows: it marks the end of scripts that hold others' words. */
  readonly secret: string;
}

/** How a task is put into namespaces of its own. */
export interface IsolationPlan {
  readonly unshare: readonly string[];
  readonly mount: string;
  /** The file that says what is mounted. */
  readonly table: string;
  /** File systems that are made read-only. */
  readonly readOnly: readonly string[];
  /** Where the task begins: its sandbox as it sees it. */
  readonly cwd: string;
  /** The root that the task changes to, if it runs from an image. */
  readonly root?: string;
  readonly hostname?: string;
}

/**
 * The POSIX shell script that watches one task.
 *
 * It is fed to a shell's standard input, so that neither the command nor the environment shows up in the arguments of a process, and it is one
 * compound command, so that a shell that is fed only a part of it (the agent died) runs nothing.
 *
 * The watching shell keeps a clean environment: the task's variables are set last, after the change of user, so that an `LD_PRELOAD` of the
 * task's never reaches a process of the agent's. The task gets a session of its own: signals to its group do not reach the watcher.
 * Only the shell's own commands are used, besides `setsid`, `setpriv` and `mv`: a watcher costs two processes, not ten.
 */
export function supervisorScript(plan: SupervisorPlan): string {
  const mark = `END_${plan.secret.replaceAll('-', '')}`;
  return `{
set -f
umask 022
read -r stat </proc/$$/stat
set -- \${stat##*) }
${quote(plan.setsid)} /bin/sh -s -- $$ "\${20}" <<'${mark}_1'
${taskScript(plan, `${mark}_2`)}
${mark}_1
status=$?
read -r pid rest <${quote(plan.pidFile)} && kill -s KILL -- "-$pid"
printf '%s\\n' "$status" >${quote(`${plan.exitFile}.tmp`)} && exec ${quote(plan.mv)} -f ${quote(`${plan.exitFile}.tmp`)} ${quote(plan.exitFile)}
exit 1
}
`;
}

/** What is run beside a task: in its control groups, as its user, and with no record. */
export type BesidePlan = Pick<
  SupervisorPlan,
  'joins' | 'switchUser' | 'environment' | 'argv' | 'argv0' | 'cwd' | 'terminal' | 'filter' | 'secret'
>;

/** The script of a command that is run beside a task, as a check is. */
export function besideScript(plan: BesidePlan): string {
  const mark = `END_${plan.secret.replaceAll('-', '')}`;
  const lines = [...joinsOf(plan.joins, '2'), ...filterOf(plan), ...becomeOf(plan, mark)];
  return ['{', 'set -f', 'umask 022', ...lines, '}', ''].join('\n');
}

/** Runs in the task's new session: says who it is, joins its groups, and becomes the task. Field 22 of proc(5)'s stat is the start time. */
function taskScript(plan: SupervisorPlan, mark: string): string {
  return [
    '{',
    'set -f',
    'supervisor="$1 $2"',
    'read -r stat </proc/$$/stat',
    'set -- ${stat##*) }',
    `printf '%s\\n' "$$ \${20} $supervisor" >${quote(plan.pidFile)} || exit 125`,
    `[ -e ${quote(plan.voidFile)} ] && exit 125`,
    ...joinsOf(plan.joins, '3'),
    ...(plan.oomScore === undefined ? [] : [`printf ${plan.oomScore} >/proc/self/oom_score_adj`]),
    `exec >>${quote(plan.stdout)} 2>>${quote(plan.stderr)}`,
    // Opened here, where its path is; to read and to write, so that it never comes to an end.
    ...filterOf(plan),
    ...(plan.terminal === undefined ? [] : [`exec 4<>${quote(plan.terminal.input)}`]),
    ...(plan.isolation === undefined
      ? [...startedLines, ...becomeOf(plan, mark)]
      : isolatedLines(plan, plan.isolation, mark)),
    '}',
  ].join('\n');
}

/** Tells the agent that the task begins. */
const startedLines = [
  // The agent that asked may be dead by now; the next one finds the task by its pid file.
  "trap '' PIPE",
  "printf 'started\\n' 2>/dev/null >&3",
  'trap - PIPE',
  'exec 3>&-',
];

/**
 * What runs as the first process of a task's own process namespace: it mounts, then runs the task as its child.
 *
 * The first process is shielded by the kernel from signals that it does not expect, as the task must not be, and when it ends the kernel ends all
 * that is left: so it is a shell that does nothing but wait.
 */
function isolatedLines(plan: SupervisorPlan, isolation: IsolationPlan, mark: string): readonly string[] {
  const { mount, table, readOnly, cwd, root, hostname } = isolation;
  const must = (words: readonly string[]): string =>
    `why=$(${words.map(quote).join(' ')} 2>&1) || { printf 'failed cannot isolate the task: %s\\n' "$why" >&3; exit 125; }`;
  return [
    `exec ${isolation.unshare.map(quote).join(' ')} /bin/sh -s <<'${mark}'`,
    '{',
    'set -f',
    ...(hostname === undefined ? [] : [`printf %s ${quote(hostname)} >/proc/sys/kernel/hostname`]),
    // As they are named: only one of them is named in a way of its own, and that on purpose.
    must([mount, '-c', '-a', '-T', table]),
    ...readOnly.map((path) => must([mount, '-o', 'remount,bind,ro', path])),
    ...startedLines,
    // Where it shares processes with others it is not the first one, and nothing shields it.
    'trap : TERM',
    '(',
    // From an image the sandbox has another path, and only there.
    ...(root === undefined ? [`cd ${quote(cwd)} || exit 125`] : []),
    ...becomeOf(plan, `${mark}_3`),
    ')',
    'exit $?',
    '}',
    mark,
  ];
}

/** Opens the filter where its path is: whoever puts it on may be where it is not. */
export function filterOf({ filter }: { readonly filter?: string | undefined }): readonly string[] {
  return filter === undefined ? [] : [`exec ${filterFile}<${quote(filter)}`];
}

/** @param told the file to which a failure is told */
function joinsOf(files: readonly string[], told: string): readonly string[] {
  return files.map(
    (file) =>
      `printf 0 >${quote(file)} || { printf 'failed cannot join %s\\n' ${quote(file)} >&${told}; exit 125; }`,
  );
}

/** Changes the user, sets the task's variables, and becomes the task. */
function becomeOf(
  { environment, argv, argv0, switchUser, cwd, terminal }: BesidePlan,
  mark: string,
): readonly string[] {
  const words =
    argv0 === undefined
      ? `exec ${argv.map(quote).join(' ')}`
      : `exec /bin/bash -c 'a=$1; shift; exec -a "$a" "$@"' bash ${[argv0, ...argv].map(quote).join(' ')}`;
  const become = [
    ...(cwd === undefined ? [] : [`cd ${quote(cwd)} || exit 125`]),
    'unset PWD OLDPWD',
    ...[...environment].map(([name, value]) => `export ${name}=${quote(value)}`),
    ...(terminal === undefined ? ['exec </dev/null', words] : terminalLines(terminal, words)),
  ];
  if (switchUser.length === 0) return become;
  return [`exec ${switchUser.map(quote).join(' ')} /bin/sh -s <<'${mark}'`, '{', ...become, '}', mark];
}

/** Becomes what gives a command a terminal, and what is typed there from a pipe. */
function terminalLines({ script, size }: Terminal, words: string): readonly string[] {
  const command = `stty rows ${size.rows} columns ${size.columns}; ${words}`;
  return ['exec <&4 4<&-', `exec ${quote(script)} -qefc ${quote(command)} /dev/null`];
}

/** One word of shell, whatever it holds. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
