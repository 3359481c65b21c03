import { machineShares } from './shares';

test('one agent finds out by itself', () => {
  expect(machineShares(1)).toEqual([undefined]);
});

test('several divide the machine, and no port is offered twice', () => {
  expect(machineShares(3, { cpus: 4, memMb: 4096 })).toEqual([
    'cpus:1.333;mem:1024;ports:[31000-31332]',
    'cpus:1.333;mem:1024;ports:[31333-31665]',
    'cpus:1.333;mem:1024;ports:[31666-31998]',
  ]);
});

test('a small machine keeps half for itself', () => {
  expect(machineShares(2, { cpus: 1, memMb: 1000 })[0]).toBe('cpus:0.5;mem:250;ports:[31000-31499]');
});
