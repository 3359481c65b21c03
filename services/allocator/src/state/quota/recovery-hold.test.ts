import { RecoveryHold } from './recovery-hold';

const hold = (agents: number): RecoveryHold => {
  const waiting = new RecoveryHold();
  waiting.expect(agents, 1000);
  return waiting;
};

test.each([
  [1, 0],
  [2, 1],
  [4, 3],
  [5, 4],
  [9, 7],
  [10, 8],
])('A4: of %i agents %i are waited for', (agents, enough) => {
  expect(hold(agents).isOn(enough, 0.8, true, 0)).toBe(false);
  expect(hold(agents).isOn(enough - 1, 0.8, true, 0)).toBe(true);
});

test('A4: it is not waited without quotas, nor longer than so long', () => {
  expect(hold(5).isOn(0, 0.8, false, 0)).toBe(false);
  expect(hold(5).isOn(0, 0.8, true, 999)).toBe(true);
  expect(hold(5).isOn(0, 0.8, true, 1000)).toBe(false);
});

test('A4: to ask whether it is waited does not end it; offers do', () => {
  const waiting = hold(5);
  expect(waiting.isOn(4, 0.8, true, 0)).toBe(false);
  expect(waiting.isOn(3, 0.8, true, 0)).toBe(true);
  waiting.end();
  expect(waiting.isOn(3, 0.8, true, 0)).toBe(false);
});
