export { FakeClock } from './fake-clock';
export { RecordedTracing, type SpanSeen } from './recorded-tracing';
export {
  describeScenarios,
  parseScenario,
  wordsOf,
  type Block,
  type Interpreter,
  type Words,
} from './scenario';
