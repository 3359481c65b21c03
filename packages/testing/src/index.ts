export { FakeClock } from './fake-clock';
export { describeScenarios, parseScenario, type Block, type Interpreter } from './scenario';
