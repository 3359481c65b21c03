import { createServer } from 'node:net';

/** The two ports of one service; 0 takes any free one. */
export interface Ports {
  readonly grpc: number;
  readonly http: number;
}

/** The ports that services have by default. */
export const defaultPorts = {
  master: { grpc: 5060, http: 5050 },
  agent: { grpc: 5061, http: 5051 },
  allocator: { grpc: 5062, http: 5052 },
  registry: { grpc: 5063, http: 5053 },
} as const;

const any: Ports = { grpc: 0, http: 0 };

/** Deals out ports to the services of a local cluster. */
export interface PortPlan {
  next(service: keyof typeof defaultPorts): Promise<Ports>;
}

/** Any free ports for everyone. */
export const anyPorts: PortPlan = { next: () => Promise.resolve(any) };

/** Ports one after the other from a base: exactly these, or the service says that one is in use. */
export function portsFrom(base: number): PortPlan {
  let next = base;
  return { next: () => Promise.resolve({ grpc: next++, http: next++ }) };
}

/** The default ports for the first of each service if they are free, and any free ones for the rest. */
export function portsIfFree(): PortPlan {
  const given = new Set<string>();
  return {
    async next(service) {
      if (given.has(service)) return any;
      given.add(service);
      const { grpc, http } = defaultPorts[service];
      return { grpc: (await isFree(grpc)) ? grpc : 0, http: (await isFree(http)) ? http : 0 };
    },
  };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
