import type { Processor } from './syscalls';

/** The file over which a filter is read: what runs before it has no other use for it. */
export const filterFile = 5;

/** How a program is to begin. */
export interface Beginning {
  /** The root that it changes to; unset stays. */
  readonly root: string | undefined;
  /** Whom it becomes; unset stays. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

/**
 * The words that put a filter on themselves and become a program. The kernel takes filters only from who has `no_new_privs`, or is root.
 *
 * There is no program of util-linux before 2.40 that does this, and nothing but perl on every machine that can: it calls the kernel itself. What is to be
 * done before the filter is on, because it might forbid that, is done here, too.
 *
 * @see https://man7.org/linux/man-pages/man2/seccomp.2.html
 */
export function installWords(
  perl: string,
  { prctl }: Processor,
  { root, user }: Beginning,
): readonly string[] {
  const lines = [
    `my ($root, $uid, $gid) = splice @ARGV, 0, 3;`,
    `open my $file, '<&=', ${filterFile} or die "no filter: $!\n"; binmode $file;`,
    `my $program = do { local $/; <$file> }; close $file;`,
    `if ($root ne '') { chroot $root and chdir '/' or die "cannot change the root: $!\n"; }`,
    // Groups first: who is somebody else may not change them any more.
    `if ($uid ne '') { $( = $gid; $) = "$gid $gid"; $< = $uid; $> = $uid; die "cannot become $uid\n" if $< != $uid or $> != $uid; }`,
    // struct sock_fprog: how many instructions, and where they are.
    `my $filter = pack 'S x6 P', length($program) / 8, $program;`,
    `syscall(${prctl}, 22, 2, $filter, 0, 0) == 0 or die "cannot filter system calls: $!\n";`,
    `exec { $ARGV[0] } @ARGV or die "cannot run $ARGV[0]: $!\n";`,
  ];
  const who = user === undefined ? ['', ''] : [String(user.uid), String(user.gid)];
  return [perl, '-e', lines.join(' '), '--', root ?? '', ...who];
}
