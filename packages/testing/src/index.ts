export { FakeClock } from './fake-clock';
export {
  describeScenarios,
  parseScenario,
  wordsOf,
  type Block,
  type Interpreter,
  type Words,
} from './scenario';
