import { isFailure } from '@meseta/model';
import { compileProfile } from './compile';
import { readProfile } from './profile';
import { processors, type Processor } from './syscalls';

const x64 = processors['x64'] as Processor;
const arm64 = processors['arm64'] as Processor;
const allow = 0x7fff0000;
const refuse = (errno: number): number => 0x00050000 + errno;
const kill = 0x80000000;

/** What the kernel would answer: its machine, as far as filters use it. */
function run(program: Buffer, call: { audit: number; number: number; args?: readonly bigint[] }): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.number, 0);
  data.writeUInt32LE(call.audit, 4);
  for (const [i, value] of (call.args ?? []).entries()) data.writeBigUInt64LE(value, 16 + 8 * i);
  let held = 0;
  for (let at = 0; ; at++) {
    const [code, then, otherwise, k] = [
      program.readUInt16LE(8 * at),
      program.readUInt8(8 * at + 2),
      program.readUInt8(8 * at + 3),
      program.readUInt32LE(8 * at + 4),
    ];
    const jump = (holds: boolean): void => void (at += holds ? then : otherwise);
    if (code === 0x20) held = data.readUInt32LE(k);
    else if (code === 0x54) held = (held & k) >>> 0;
    else if (code === 0x05) at += k;
    else if (code === 0x15) jump(held === k);
    else if (code === 0x25) jump(held > k);
    else if (code === 0x35) jump(held >= k);
    else if (code === 0x06) return k;
    else throw new Error(`no such instruction: ${code}`);
  }
}

function compiled(profile: object, processor = x64, capabilities: readonly string[] = []): Buffer {
  const read = readProfile(JSON.stringify(profile), { processor, capabilities });
  const program = isFailure(read) ? read : compileProfile(read, processor);
  if (isFailure(program)) throw new Error(program.message);
  return program;
}

/** What is answered to a call by its name. */
function answer(
  profile: object,
  name: string,
  args: readonly bigint[] = [],
  capabilities: readonly string[] = [],
) {
  const call = { audit: x64.audit, number: x64.syscalls.get(name) ?? -1, args };
  return run(compiled(profile, x64, capabilities), call);
}

const closed = (...syscalls: object[]): object => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls });
const names = (...of: string[]): object => ({ names: of, action: 'SCMP_ACT_ALLOW' });

test('what is named is answered as it says, and the rest by default', () => {
  const profile = closed(
    names('read', 'write'),
    { names: ['kexec_load'], action: 'SCMP_ACT_KILL_PROCESS' },
    {
      names: ['mkdir'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 38,
    },
  );
  expect(['read', 'write', 'kexec_load', 'mkdir', 'rmdir'].map((name) => answer(profile, name))).toEqual([
    allow,
    allow,
    kill,
    refuse(38),
    refuse(1),
  ]);
});

const far = 2n ** 32n;
test.each([
  ['EQ', 5n, 0n, [5n], [4n, 6n, 5n + far]],
  ['EQ', 5n + far, 0n, [5n + far], [5n, far]],
  ['NE', 5n, 0n, [4n, 5n + far], [5n]],
  ['GT', 5n, 0n, [6n, far], [5n, 0n]],
  ['GE', 5n, 0n, [5n, far], [4n]],
  ['LT', 5n + far, 0n, [4n + far, 6n], [5n + far, 2n * far]],
  ['LE', 5n, 0n, [5n, 0n], [6n, far]],
  ['MASKED_EQ', 0xf0n, 0x10n, [0x10n, 0x1fn, far + 0x10n], [0x20n, 0n]],
  ['MASKED_EQ', far, 0n, [0n, 7n], [far, far + 7n]],
] as const)('an argument is compared by %s with %d', (op, value, valueTwo, holds, fails) => {
  const profile = closed({
    ...names('personality'),
    args: [{ index: 2, op: `SCMP_CMP_${op}`, value: Number(value), valueTwo: Number(valueTwo) }],
  });
  const of = (argument: bigint): number => answer(profile, 'personality', [0n, 0n, argument]);
  expect(holds.map(of)).toEqual(holds.map(() => allow));
  expect(fails.map(of)).toEqual(fails.map(() => refuse(1)));
});

test('conditions of one rule hold together, rules of one call one after the other, and one without conditions always', () => {
  const both = [
    { index: 0, op: 'SCMP_CMP_EQ', value: 1 },
    { index: 1, op: 'SCMP_CMP_EQ', value: 2 },
  ];
  const rules = [
    { ...names('socket'), args: both },
    { ...names('socket'), args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 9 }] },
  ];
  const of = (profile: object) =>
    [
      [1n, 2n],
      [1n, 3n],
      [9n, 9n],
    ].map((args) => answer(profile, 'socket', args));
  expect(of(closed(...rules))).toEqual([allow, refuse(1), allow]);
  expect(of(closed(...rules, names('socket')))).toEqual([allow, allow, allow]);
});

test('entries for other processors and for other capabilities are left out', () => {
  const profile = closed(
    { ...names('mount'), includes: { caps: ['CAP_SYS_ADMIN'] } },
    { ...names('clone'), excludes: { caps: ['CAP_SYS_ADMIN'] } },
    { ...names('sync'), includes: { arches: ['arm64'] } },
    { ...names('pipe'), excludes: { arches: ['amd64'] } },
    names('read', 'no_such_call_anywhere'),
  );
  const all = ['mount', 'clone', 'sync', 'pipe', 'read'];
  const allowed = (capabilities: readonly string[]) =>
    all.filter((name) => answer(profile, name, [], capabilities) === allow);
  expect(allowed([])).toEqual(['clone', 'read']);
  expect(allowed(['sys_admin'])).toEqual(['mount', 'read']);
});

test('calls by the rules of another processor end the process, or are unknown', () => {
  const program = compiled(closed(names('read')));
  expect(run(program, { audit: 0x40000003, number: 3 })).toBe(kill);
  expect(run(program, { audit: x64.audit, number: 0x40000000 })).toBe(refuse(38));
  expect(run(compiled(closed(names('read')), arm64), { audit: arm64.audit, number: 63 })).toBe(allow);
});

test.each([
  ['{', 'the profile must be JSON'],
  ['[]', 'the profile must be an object'],
  ['{}', 'defaultAction must be an action that filters know, not undefined'],
  [
    '{"defaultAction":"SCMP_ACT_NOTIFY"}',
    'defaultAction must be an action that filters know, not "SCMP_ACT_NOTIFY"',
  ],
  [
    '{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":-1}',
    'defaultAction must have an errnoRet from 0 to 4095',
  ],
  ['{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/x"}', 'listenerPath is not supported'],
  [
    '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_S390X"]}',
    'architectures must have SCMP_ARCH_X86_64, which this machine is',
  ],
  [
    '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"action":"SCMP_ACT_ALLOW"}]}',
    'syscalls[0].names must be names',
  ],
  [
    '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_KILL","args":[{"index":6,"op":"SCMP_CMP_EQ"}]}]}',
    'syscalls[0].args[0].index must be a whole number from 0 to 5',
  ],
  [
    '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_KILL","args":[{"index":0,"op":"SAME"}]}]}',
    'syscalls[0].args[0].op must be one of SCMP_CMP_NE',
  ],
])('%s is refused', (text, message) => {
  const read = readProfile(text, { processor: x64, capabilities: [] });
  expect(isFailure(read) ? read.message : 'taken').toContain(message);
});

test('both processors know the calls that a shell makes', () => {
  for (const { syscalls } of [x64, arm64])
    for (const name of ['read', 'openat', 'execve', 'clone', 'wait4', 'seccomp', 'prctl', 'statx', 'clone3'])
      expect(syscalls.get(name)).toEqual(expect.any(Number));
});
