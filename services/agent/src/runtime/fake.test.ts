import { describeRuntime } from './behaviour';
import { FakeMachine, FakeRuntime } from './fake';

describeRuntime('fake', () => {
  const machine = new FakeMachine();
  return Promise.resolve({
    create: (onEnd) => Promise.resolve(new FakeRuntime({ onEnd, machine })),
    sandbox: () => Promise.resolve(''),
    remove: () => Promise.resolve(),
  });
});
