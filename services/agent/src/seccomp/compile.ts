import { failure, type Failure } from '@meseta/model';
import { Assembler, instructionsMax, type Label } from './bpf';
import type { Condition, Profile, Rule } from './profile';
import type { Processor } from './syscalls';

/** Where things are in what the kernel tells of a call, see `struct seccomp_data` in seccomp(2). Bytes. */
const numberAt = 0;
const processorAt = 4;
const argumentsAt = 16;

const killProcess = 0x80000000;
const noSuchCall = 0x00050000 + 38;
const low32 = 0xffffffffn;

/**
 * Makes the kernel's program of a profile. Of several rules for a call one without conditions holds always, and else the first whose conditions do.
 *
 * A call by the rules of another processor, as 32-bit programs make, ends its process; what no rule names has the default.
 */
export function compileProfile({ defaultAction, rules }: Profile, processor: Processor): Buffer | Failure {
  const code = new Assembler();
  const native = Symbol('native');
  code.load(processorAt);
  code.jump('equal', processor.audit, native, undefined);
  code.answer(killProcess);
  code.label(native);
  code.load(numberAt);
  if (processor.numbersEnd !== undefined) {
    const within = Symbol('within');
    code.jump('atLeast', processor.numbersEnd, undefined, within);
    code.answer(noSuchCall);
    code.label(within);
  }
  for (const [number, own] of rules) {
    const [found, next] = [Symbol('found'), Symbol('next')];
    code.jump('equal', number, found, undefined);
    code.go(next);
    code.label(found);
    answerTo(code, own, defaultAction);
    code.label(next);
  }
  code.answer(defaultAction);
  if (code.length > instructionsMax)
    return failure('invalid', `the profile must not need more than ${instructionsMax} instructions`, {
      field: 'linux_info.seccomp',
    });
  return code.assemble();
}

function answerTo(code: Assembler, rules: readonly Rule[], defaultAction: number): void {
  const always = rules.find(({ conditions }) => conditions.length === 0);
  if (always !== undefined) {
    code.answer(always.action);
    return;
  }
  for (const { conditions, action } of rules) {
    const next = Symbol('next rule');
    for (const condition of conditions) compare(code, condition, next);
    code.answer(action);
    code.label(next);
  }
  code.answer(defaultAction);
}

/** Goes on if a condition holds, and away if not. Arguments have 64 bits and the machine has 32, so the upper half is asked first. */
function compare(code: Assembler, { index, comparison, value, valueTwo }: Condition, away: Label): void {
  const holds = Symbol('holds');
  const lower = argumentsAt + 8 * index;
  const upper = lower + 4;
  const [high, low] = [Number(value >> 32n), Number(value & low32)];
  switch (comparison) {
    case 'EQ':
    case 'MASKED_EQ': {
      const isMasked = comparison === 'MASKED_EQ';
      const wanted = isMasked ? valueTwo : value;
      code.load(upper);
      if (isMasked) code.and(high);
      code.jump('equal', Number(wanted >> 32n), undefined, away);
      code.load(lower);
      if (isMasked) code.and(low);
      code.jump('equal', Number(wanted & low32), undefined, away);
      break;
    }
    case 'NE':
      code.load(upper);
      code.jump('equal', high, undefined, holds);
      code.load(lower);
      code.jump('equal', low, away, undefined);
      break;
    default: {
      // At most is not above, and below is not at least.
      const isAbove = comparison === 'GT' || comparison === 'GE';
      const [above, below] = isAbove ? [holds, away] : [away, holds];
      code.load(upper);
      code.jump('greater', high, above, undefined);
      code.jump('equal', high, undefined, below);
      code.load(lower);
      const how = comparison === 'GT' || comparison === 'LE' ? 'greater' : 'atLeast';
      code.jump(how, low, above, below);
    }
  }
  code.label(holds);
}
