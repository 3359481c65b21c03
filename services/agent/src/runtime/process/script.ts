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
  readonly stdout: string;
  readonly stderr: string;
  /** Words to put before the task's shell to change the user; empty to stay. */
  readonly switchUser: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  readonly argv: readonly string[];
  /** What the program is to find as its own name; the program's path if unset. */
  readonly argv0?: string;
  /** Random text that nobody else knows: it marks the end of scripts that hold others' words. */
  readonly secret: string;
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
  'joins' | 'switchUser' | 'environment' | 'argv' | 'argv0' | 'secret'
>;

/** The script of a command that is run beside a task, as a check is. */
export function besideScript(plan: BesidePlan): string {
  const mark = `END_${plan.secret.replaceAll('-', '')}`;
  return ['{', 'set -f', 'umask 022', ...joinsOf(plan.joins, '2'), ...becomeOf(plan, mark), '}', ''].join(
    '\n',
  );
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
    `exec >>${quote(plan.stdout)} 2>>${quote(plan.stderr)}`,
    // The agent that asked may be dead by now; the next one finds the task by its pid file.
    "trap '' PIPE",
    "printf 'started\\n' 2>/dev/null >&3",
    'trap - PIPE',
    'exec 3>&-',
    ...becomeOf(plan, mark),
    '}',
  ].join('\n');
}

/** @param told the file to which a failure is told */
function joinsOf(files: readonly string[], told: string): readonly string[] {
  return files.map(
    (file) =>
      `printf 0 >${quote(file)} || { printf 'failed cannot join %s\\n' ${quote(file)} >&${told}; exit 125; }`,
  );
}

/** Changes the user, sets the task's variables, and becomes the task. */
function becomeOf({ environment, argv, argv0, switchUser }: BesidePlan, mark: string): readonly string[] {
  const become = [
    'unset PWD OLDPWD',
    ...[...environment].map(([name, value]) => `export ${name}=${quote(value)}`),
    'exec </dev/null',
    argv0 === undefined
      ? `exec ${argv.map(quote).join(' ')}`
      : `exec /bin/bash -c 'a=$1; shift; exec -a "$a" "$@"' bash ${[argv0, ...argv].map(quote).join(' ')}`,
  ];
  if (switchUser.length === 0) return become;
  return [`exec ${switchUser.map(quote).join(' ')} /bin/sh -s <<'${mark}'`, '{', ...become, '}', mark];
}

/** One word of shell, whatever it holds. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
