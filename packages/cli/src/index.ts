export type { ServiceName } from './local-cluster/mains';
export {
  anyPorts,
  defaultPorts,
  portsFrom,
  portsIfFree,
  type PortPlan,
  type Ports,
} from './local-cluster/ports';
export { ServiceProcess, type ServiceProcessOptions } from './local-cluster/service-process';
export {
  startLocalCluster,
  type LocalAgentOptions,
  type LocalCluster,
  type LocalClusterOptions,
} from './local-cluster/start';
export type { CliContext } from './context';
export { runCli } from './program';
