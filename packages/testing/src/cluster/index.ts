/** For authors of frameworks: a whole cluster in a test, on a virtual clock. */
export { SimulatedCluster, type SimulatedClusterOptions } from './simulated-cluster';
