import fc from 'fast-check';
import {
  Resources,
  agentId,
  frameworkId,
  instant,
  isTerminal,
  offerId,
  plusMs,
  taskId,
  type AgentId,
  type FrameworkId,
  type TaskState,
} from '@meseta/model';
import type { TaskState as ProtoTaskState } from '@meseta/protocol';
import type { Command } from './command';
import { checkInvariants } from './invariants.testing';
import { recover } from './recovery';
import type { MasterState } from './state';
import { step } from './step';

// Random histories of a small cluster: whatever happens in whatever order, the ledger holds (M4 – M9), a terminal task never
// changes (M3), and the same history gives the same state and effects (M1).

const names = ['0', '1', '2'] as const;
const name = fc.constantFrom(...names);
const states: readonly TaskState[] = [
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
];
const amount = fc.integer({ min: 1, max: 4 }).map((cpus) => Resources.parse(`cpus:${cpus}`) as Resources);

/** One thing that happens; what it refers to is looked up when it happens, so that it mostly exists. */
type Happening = (state: MasterState, sequence: number) => Command;

const happening: fc.Arbitrary<Happening> = fc.oneof<fc.Arbitrary<Happening>[]>(
  fc.tuple(name, amount, fc.boolean()).map(
    ([who, total, known]) =>
      (state: MasterState, sequence: number) =>
        register(state, who, total, known, sequence),
  ),
  name.map((who) => (state: MasterState) => {
    const agent = pick(state.agents, who);
    return {
      kind: 'agentSessionEnded',
      session: agent?.session ?? '',
      agentId: agent?.id ?? agentId('none'),
    };
  }),
  fc.tuple(name, fc.boolean()).map(
    ([who, again]) =>
      (state: MasterState, sequence: number) =>
        subscribe(state, who, again, sequence),
  ),
  name.map((who) => (state: MasterState) => {
    return { kind: 'streamEnded', stream: pick(state.frameworks, who)?.stream ?? '' };
  }),
  fc
    .tuple(name, name, amount, fc.integer({ min: 0, max: 3 }))
    .map(([who, where, resources, behind]) => (state: MasterState) => ({
      kind: 'proposals' as const,
      version: state.allocationVersion - behind,
      proposals: [
        {
          frameworkId: idOf(state.frameworks, who),
          agentId: idOf(state.agents, where),
          role: 'r',
          resources,
          allocatedAtMs: 0,
          traceparent: '',
          tasks: new Map([['d', Math.floor(resources.scalarMilli('cpus') / 1000)]]),
        },
      ],
    })),
  fc
    .tuple(name, fc.integer({ min: 0, max: 6 }))
    .map(([who, count]) => (state: MasterState, sequence: number) => {
      const demand = { id: 'd', role: 'r', count, resources: { cpus: { value: 1 } }, constraints: undefined };
      return {
        kind: 'request' as const,
        call: sequence,
        frameworkId: idOf(state.frameworks, who),
        stream: '',
        wanted: [{ demand, perTask: new Map([['cpus', 1000]]) }],
      };
    }),
  fc
    .tuple(name, amount, fc.boolean())
    .map(([where, resources, undo]) => (state: MasterState, sequence: number) => {
      const reserved = resources.map((one) => ({ ...one, reservations: [{ type: 'DYNAMIC', role: 'r' }] }));
      return {
        kind: 'operateAgent' as const,
        call: sequence,
        agentId: idOf(state.agents, where),
        uuid: String(sequence).padStart(32, '0'),
        info: {},
        operation: undo
          ? { kind: 'unreserve' as const, resources: reserved }
          : { kind: 'reserve' as const, resources: reserved, source: Resources.empty },
      };
    }),
  fc
    .tuple(name, fc.array(fc.tuple(name, amount), { maxLength: 3 }))
    .map(([who, tasks]) => (state: MasterState, sequence: number) => {
      const offer = pick(state.offers, who);
      return {
        kind: 'accept' as const,
        call: sequence,
        frameworkId: offer?.frameworkId ?? frameworkId('none'),
        stream: '',
        accepts: [
          {
            offerIds: [offer?.id ?? offerId('none')],
            refuseMs: 0,
            operations: [
              {
                kind: 'launch',
                uuid: '',
                id: undefined,
                tasks: tasks.map(([task, resources]) => ({
                  taskId: taskId(`t${task}`),
                  info: {
                    agentId: { value: offer?.agentId ?? '' },
                    resources: [],
                    limits: {},
                    command: { value: 'true', uris: [], arguments: [] },
                  },
                  resources,
                  executor: undefined,
                })),
              },
            ],
          },
        ],
      };
    }),
  name.map((who) => (state: MasterState, sequence: number) => {
    const offer = pick(state.offers, who);
    return {
      kind: 'decline',
      call: sequence,
      frameworkId: offer?.frameworkId ?? frameworkId('none'),
      stream: '',
      declines: [{ offerIds: [offer?.id ?? offerId('none')], refuseMs: 0 }],
    };
  }),
  fc.tuple(name, name, fc.constantFrom(...states)).map(([where, which, reached]) => (state: MasterState) => {
    const agent = pick(state.agents, where);
    const task = agent === undefined ? undefined : pick(agent.tasks, which);
    return {
      kind: 'statusUpdate' as const,
      session: agent?.session ?? '',
      agentId: agent?.id ?? agentId('none'),
      frameworkId: task?.frameworkId ?? frameworkId('none'),
      taskId: task?.id ?? taskId('none'),
      status: { taskId: { value: task?.id ?? '' }, state: reached as ProtoTaskState },
      state: reached,
      latestState: reached,
      uuid: 'aa',
      traceparent: '',
    };
  }),
  fc.tuple(name, name).map(([who, which]) => (state: MasterState, sequence: number) => {
    const framework = pick(state.frameworks, who);
    const task = framework === undefined ? undefined : pick(framework.tasks, which);
    const acknowledgements = [
      { agentId: task?.agentId ?? agentId('none'), taskId: task?.id ?? taskId('none'), uuid: 'aa' },
    ];
    return {
      kind: 'acknowledge' as const,
      call: sequence,
      frameworkId: framework?.id ?? frameworkId('none'),
      stream: '',
      acknowledgements,
    };
  }),
  name.map((who) => (state: MasterState, sequence: number) => ({
    kind: 'teardown',
    call: sequence,
    frameworkId: idOf(state.frameworks, who),
    stream: '',
  })),
  fc
    .tuple(name, fc.constantFrom('deactivateAgent', 'reactivateAgent', 'markAgentGone'))
    .map(([where, kind]) => (state: MasterState, sequence: number) => ({
      kind,
      call: sequence,
      agentId: idOf(state.agents, where),
    })),
  fc.tuple(name, fc.boolean()).map(([where, markGone]) => (state: MasterState, sequence: number) => ({
    kind: 'drainAgent',
    call: sequence,
    agentId: idOf(state.agents, where),
    graceMaxMs: undefined,
    markGone,
  })),
  fc
    .tuple(fc.subarray([...names]), fc.integer({ min: 1, max: 2 }))
    .map(([hosts, startMs]) => (_state: MasterState, sequence: number) => ({
      kind: 'updateSchedule',
      call: sequence,
      windows: hosts.map((hostname) => ({
        machines: [{ hostname, ip: '' }],
        unavailability: { start: { nanoseconds: BigInt(startMs) * 1_000_000n } },
      })),
    })),
  fc
    .tuple(name, fc.constantFrom('startMaintenance', 'stopMaintenance'))
    .map(([hostname, kind]) => (_state: MasterState, sequence: number) => ({
      kind,
      call: sequence,
      machines: [{ hostname, ip: '' }],
    })),
  fc
    .tuple(name, name, fc.integer({ min: 1, max: 2 }))
    .map(([who, where, startMs]) => (state: MasterState) => ({
      kind: 'inverseProposals',
      proposals: [{ frameworkId: idOf(state.frameworks, who), agentId: idOf(state.agents, where), startMs }],
    })),
  fc
    .tuple(name, fc.constantFrom('acceptInverse', 'declineInverse'))
    .map(([which, kind]) => (state: MasterState, sequence: number) => {
      const offer = pick(state.inverseOffers, which);
      return {
        kind,
        call: sequence,
        frameworkId: offer?.frameworkId ?? frameworkId('none'),
        stream: '',
        answers: [{ offerIds: [offer?.id ?? offerId('none')], refuseMs: 0 }],
      };
    }),
  fc.constant<Happening>(() => ({ kind: 'tick' })),
  fc.constant<Happening>(() => ({ kind: 'allocatorConnected' })),
);

const history = fc.array(fc.tuple(happening, fc.integer({ min: 0, max: 20_000 })), {
  minLength: 60,
  maxLength: 200,
  size: 'max',
});

test('M3 – M8 hold after every step of any history', () => {
  fc.assert(
    fc.property(history, (happenings) => {
      const ended = new Map<object, TaskState>();
      play(happenings, (state) => {
        checkInvariants(state);
        for (const agent of state.agents.values()) {
          for (const task of agent.tasks.values()) {
            const end = ended.get(task);
            if (end !== undefined && task.state !== end)
              throw new Error(`M3: task ${task.id} was ${end} and is ${task.state}`);
            if (isTerminal(task.state)) ended.set(task, task.state);
          }
        }
      });
    }),
    { numRuns: 300 },
  );
});

test('M1: the same history gives the same effects', () => {
  fc.assert(
    fc.property(history, (happenings) => {
      expect(play(happenings, () => undefined)).toEqual(play(happenings, () => undefined));
    }),
    { numRuns: 50 },
  );
});

function play(
  happenings: readonly (readonly [Happening, number])[],
  look: (state: MasterState) => void,
): readonly string[] {
  let now = instant(0);
  const { state } = recover(
    { masterId: 'm', cluster: 'c', term: 1 },
    options,
    { agents: [], frameworks: [], weights: [] },
    now,
  );
  const told: string[] = [];
  happenings.forEach(([happens, afterMs], sequence) => {
    now = plusMs(now, afterMs);
    for (const effect of step(state, happens(state, sequence), now)) told.push(effect.kind);
    look(state);
  });
  return told;
}

const options = {
  pingIntervalMs: 15_000,
  pingsMissedMax: 2,
  agentReregisterTimeoutMs: 60_000,
  frameworkReregisterTimeoutMs: 60_000,
  offerTimeoutMs: 30_000,
  heartbeatIntervalMs: 15_000,
  completedFrameworksMax: 2,
  completedTasksPerFrameworkMax: 2,
  unreachableTasksPerFrameworkMax: 2,
  goneAgentsMax: 2,
  agentRemovalIntervalMs: 0,
};

function register(
  state: MasterState,
  who: string,
  total: Resources,
  known: boolean,
  sequence: number,
): Command {
  const agent = known ? pick(state.agents, who) : undefined;
  const tasks = [
    ...(agent?.tasks.values() ?? []),
    ...[...state.frameworks.values()].flatMap((one) => [...one.unreachable.values()]),
  ];
  // An agent never has less than its tasks hold.
  const held = tasks.filter((task) => task.agentId === agent?.id);
  const needed = held.reduce((sum, task) => sum.add(task.resources), Resources.empty);
  return {
    kind: 'agentRegister',
    session: `s${sequence}`,
    agentId: agent?.id,
    info: { hostname: who, resources: [], attributes: [] },
    cluster: '',
    version: '',
    capabilities: ['AGENT_DRAINING'],
    grpcAddress: '',
    httpAddress: '',
    total: total.add(needed),
    oversubscribed: Resources.empty,
    attributes: [],
    frameworks: [],
    executors: [],
    operations: [],
    tasks: held.map((task) => ({
      taskId: task.id,
      frameworkId: task.frameworkId,
      task: { resources: [], statuses: [], limits: {} },
      info: task.info,
      executorId: undefined,
      role: task.role,
      resources: task.resources,
      state: task.state === 'TASK_UNREACHABLE' ? 'TASK_RUNNING' : task.state,
    })),
  };
}

function subscribe(state: MasterState, who: string, again: boolean, sequence: number): Command {
  const id = again ? pick(state.frameworks, who)?.id : undefined;
  return {
    kind: 'subscribe',
    stream: `f${sequence}`,
    framework: {
      info: { name: who, roles: [], capabilities: [], offerFilters: {} },
      id,
      roles: ['r'],
      capabilities: new Set(['PARTITION_AWARE']),
      failoverTimeoutMs: 10_000,
    },
    suppressedRoles: [],
  };
}

function pick<T>(from: ReadonlyMap<string, T>, which: string): T | undefined {
  const values = [...from.values()];
  return values[Number(which) % Math.max(1, values.length)];
}

function idOf<Id extends AgentId | FrameworkId>(
  from: ReadonlyMap<Id, { readonly id: Id }>,
  which: string,
): Id {
  return pick(from, which)?.id ?? ('none' as Id);
}
