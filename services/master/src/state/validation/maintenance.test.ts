import { machineKey, type Machine, type MaintenanceWindow } from '../machines';
import { scheduledMachinesMax, validateMachines, validateSchedule } from './maintenance';

const start = { nanoseconds: 1n };
const host = (hostname: string, ip = ''): Machine => ({ hostname, ip });
const window = (...machines: readonly Machine[]): MaintenanceWindow => ({
  machines,
  unavailability: { start },
});
const many = Array.from({ length: scheduledMachinesMax + 1 }, (_, index) => host(`h${index}`));

// One row for each rule of a schedule (M40): the smallest one that breaks it, and what is said of it.
test.each<[string, readonly MaintenanceWindow[], string]>([
  ['a window of no machines', [window()], 'schedule.windows[0].machine_ids must name at least one machine'],
  [
    'a machine without a name',
    [window(host('a')), window(host('b'), host(''))],
    'schedule.windows[1].machine_ids[1] must have a hostname or an ip',
  ],
  [
    'a machine in two windows',
    [window(host('a', '10.0.0.1')), window(host('A', '10.0.0.1'))],
    'schedule.windows[1].machine_ids[0] names machine A 10.0.0.1 a second time',
  ],
  [
    'a machine twice in a window',
    [window(host('a'), host('a'))],
    'schedule.windows[0].machine_ids[1] names machine a a second time',
  ],
  [
    'a window that never begins',
    [{ machines: [host('a')], unavailability: {} }],
    'schedule.windows[0].unavailability.start must be set',
  ],
  [
    'a window of less than no time',
    [{ machines: [host('a')], unavailability: { start, duration: { nanoseconds: -1n } } }],
    'schedule.windows[0].unavailability.duration must not be negative',
  ],
  ['too many machines', [window(...many)], 'schedule must name at most 10000 machines, not 10001'],
])('%s is refused', (_what, windows, message) => {
  expect(validateSchedule(windows, new Map())).toMatchObject({ kind: 'invalid', message });
});

test('a machine that is down must stay in the schedule', () => {
  const down = new Map([[machineKey(host('A')), host('A')]]);
  expect(validateSchedule([window(host('b'))], down)).toMatchObject({
    message: 'schedule must keep machine A: it is in maintenance',
  });
  expect(validateSchedule([window(host('a'))], down)).toBeUndefined();
});

test('a schedule of nothing, a window in the past, and one that lasts no time are good', () => {
  expect(validateSchedule([], new Map())).toBeUndefined();
  const unavailability = { start: { nanoseconds: -5n }, duration: { nanoseconds: 0n } };
  expect(validateSchedule([{ machines: [host('', '::1')], unavailability }], new Map())).toBeUndefined();
});

test.each<[string, readonly Machine[], string]>([
  ['none', [], 'machines must name at least one machine'],
  ['one without a name', [host('')], 'machines[0] must have a hostname or an ip'],
  ['one twice', [host('a'), host('A')], 'machines[1] names machine A a second time'],
])('a list of machines with %s is refused', (_what, machines, message) => {
  expect(validateMachines(machines)).toMatchObject({ kind: 'invalid', message });
});
