/** Instructions of the kernel's packet filter, see linux/bpf_common.h: the few that filters of system calls need. */
const load = 0x20; // BPF_LD | BPF_W | BPF_ABS
const and = 0x54; // BPF_ALU | BPF_AND | BPF_K
const jumpAlways = 0x05; // BPF_JMP | BPF_JA
const jumpIf = { equal: 0x15, greater: 0x25, atLeast: 0x35 } as const; // BPF_JMP | BPF_JEQ, BPF_JGT, BPF_JGE
const answer = 0x06; // BPF_RET | BPF_K

/** The kernel takes no longer program. */
export const instructionsMax = 4096;

/** A place in a program that is not known yet. */
export type Label = symbol;

interface Instruction {
  readonly code: number;
  readonly k: number;
  /** Where it goes if what it asks is true, and if not; unset is to the next. */
  readonly then?: Label | undefined;
  readonly otherwise?: Label | undefined;
}

/** Puts a program together whose jumps go to labels. */
export class Assembler {
  private readonly instructions: Instruction[] = [];
  private readonly places = new Map<Label, number>();

  /** The next instruction has this name. */
  label(name: Label): void {
    this.places.set(name, this.instructions.length);
  }

  /** Loads 32 bits of what the kernel tells of the call: see `struct seccomp_data` in seccomp(2). */
  load(offset: number): void {
    this.instructions.push({ code: load, k: offset });
  }

  and(mask: number): void {
    this.instructions.push({ code: and, k: mask });
  }

  /** Compares what was loaded, without a sign. */
  jump(how: keyof typeof jumpIf, value: number, then: Label | undefined, otherwise: Label | undefined): void {
    this.instructions.push({ code: jumpIf[how], k: value, then, otherwise });
  }

  /** Goes anywhere, however far. */
  go(to: Label): void {
    this.instructions.push({ code: jumpAlways, k: 0, then: to });
  }

  answer(value: number): void {
    this.instructions.push({ code: answer, k: value });
  }

  get length(): number {
    return this.instructions.length;
  }

  /** The program as the kernel wants it: an array of `struct sock_filter`. */
  assemble(): Buffer {
    const program = Buffer.alloc(8 * this.instructions.length);
    for (const [at, { code, k, then, otherwise }] of this.instructions.entries()) {
      const far = code === jumpAlways;
      program.writeUInt16LE(code, 8 * at);
      program.writeUInt8(far ? 0 : this.distance(at, then, 255), 8 * at + 2);
      program.writeUInt8(far ? 0 : this.distance(at, otherwise, 255), 8 * at + 3);
      program.writeUInt32LE((far ? this.distance(at, then, instructionsMax) : k) >>> 0, 8 * at + 4);
    }
    return program;
  }

  private distance(from: number, to: Label | undefined, max: number): number {
    if (to === undefined) return 0;
    const place = this.places.get(to);
    if (place === undefined || place <= from || place - from - 1 > max)
      throw new RangeError(`a jump from ${from} to ${String(place)} cannot be made`);
    return place - from - 1;
  }
}
