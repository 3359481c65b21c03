import {
  createLogger,
  FailureError,
  startGrpcServer,
  unaryHandler,
  type GrpcServer,
  type GrpcService,
} from '@meseta/kit';
import { failure, isFailure, parseAttributes, Resources, type Domain } from '@meseta/model';
import {
  AgentServiceService,
  AgentState,
  ExplainResponse,
  GetAgentsResponse,
  GetMaintenanceStatusResponse,
  GetMasterResponse,
  GetQuotaResponse,
  GetStateResponse,
  LogStream,
  type AttachRequest,
  type ExecRequest,
  OperatorServiceService,
  TaskState,
  TaskStatus_Reason,
  attributesToProto,
  domainToProto,
  master as v1,
  resourcesToProto,
  resourcesFromProto,
  type AgentID,
  type AgentServiceServer,
  type OperatorServiceServer,
  type DrainState,
  type Resource,
  type maintenance,
  type Task,
  type WeightInfo,
  type quota,
} from '@meseta/protocol';

/** What tasks wrote, by `<task id> <stdout|stderr>`. */
export type Outputs = Map<string, string>;

/** The generated types of partial messages do not take readonly arrays. */
function make<Message>(type: { fromPartial(object: never): Message }, fields: object): Message {
  return type.fromPartial(fields as never);
}

function resources(text: string): Resource[] {
  const parsed = Resources.parse(text);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return resourcesToProto(parsed);
}

/** A cluster at 2026-01-01T00:01:40Z: two agents, two frameworks, three tasks. */
export class FakeOperator {
  readonly killed: string[] = [];
  weights: readonly WeightInfo[] = [];
  quotas: readonly quota.QuotaConfig[] = [];
  forced = false;
  /** Agents that are explained beside the two. */
  fullAgents = 0;
  /** What the first agent has that is reserved. */
  reserved: readonly Resource[] = [];
  /** Where agents are, by host. */
  domains: Readonly<Record<string, Domain>> = {};
  /** What was asked about agents and machines, in words. */
  readonly asked: string[] = [];
  schedule: maintenance.Schedule = { windows: [] };
  /** Whether the first agent is deactivated, and how far it is drained. */
  drained: DrainState | undefined;
  deactivated = false;
  readonly outputs: Outputs = new Map([
    ['web-1a2b stdout', 'hello\nworld\n'],
    ['web-1a2b stderr', 'careful\n'],
  ]);
  leading = true;
  leader = '';
  agentAddress = '';

  readonly #task = (id: string, name: string, state: TaskState, framework: string, agent: string): Task =>
    ({
      taskId: { value: id },
      name,
      state,
      frameworkId: { value: framework },
      agentId: { value: agent },
      resources: resources('cpus:0.5;mem:64'),
      statuses: [
        { taskId: { value: id }, state: TaskState.TASK_STARTING, timestamp: 1_767_225_600 },
        {
          taskId: { value: id },
          state,
          timestamp: 1_767_225_610,
          ...(state === TaskState.TASK_FAILED
            ? { message: 'Command exited with status 3', reason: TaskStatus_Reason.COMMAND_EXECUTOR_FAILED }
            : {}),
        },
      ],
    }) as unknown as Task;

  tasks = make(v1.Response_GetTasks, {
    tasks: [
      this.#task('web-1a2b', 'web', TaskState.TASK_RUNNING, 'F-1', 'A-1'),
      this.#task('web-3c4d', 'web', TaskState.TASK_STAGING, 'F-1', 'A-2'),
    ],
    completedTasks: [this.#task('batch-9', 'sort', TaskState.TASK_FAILED, 'F-2', 'A-1')],
  });

  readonly frameworks = make(v1.Response_GetFrameworks, {
    frameworks: [
      {
        frameworkInfo: { id: { value: 'F-1' }, name: 'marathon', user: 'ann', roles: ['web', 'dev'] },
        active: true,
        connected: true,
        allocatedResources: resources('cpus:1;mem:128'),
      },
    ],
    completedFrameworks: [
      { frameworkInfo: { id: { value: 'F-2' }, name: 'sorter', user: 'bob', roles: ['*'] } },
    ],
  });

  agents(): GetAgentsResponse {
    const attributes = parseAttributes('rack:a');
    const info = (id: string, hostname: string) => ({
      id: { value: id },
      hostname,
      attributes: isFailure(attributes) ? [] : attributesToProto(attributes),
      resources: [],
      domain: this.domains[hostname] && domainToProto(this.domains[hostname]),
    });
    return make(GetAgentsResponse, {
      agents: {
        agents: [
          {
            agentInfo: info('A-1', 'host-1'),
            active: true,
            deactivated: this.deactivated,
            ...(this.drained !== undefined && { drainInfo: { state: this.drained } }),
            totalResources: [...resources('cpus:4;mem:1024'), ...this.reserved],
            allocatedResources: resources('cpus:0.5;mem:64'),
          },
        ],
      },
      statuses: [
        {
          agentId: { value: 'A-1' },
          grpcAddress: this.agentAddress,
          state: AgentState.ACTIVE,
          sinceMs: 1_767_225_600_000n,
          agentInfo: info('A-1', 'host-1'),
        },
        {
          agentId: { value: 'A-2' },
          state: AgentState.UNREACHABLE,
          sinceMs: 1_767_225_640_000n,
          agentInfo: info('A-2', 'host-2'),
        },
      ],
    });
  }

  #operated(
    verb: string,
    {
      agentId,
      source = [],
    }: { readonly agentId?: AgentID | undefined; readonly source?: readonly Resource[] },
    listed: readonly Resource[],
  ): Record<string, never> {
    const words = (some: readonly Resource[]): string => {
      const read = resourcesFromProto(some);
      return isFailure(read) ? read.message : read.toString();
    };
    const was = source.length === 0 ? '' : `, now ${words(source)}`;
    this.asked.push(`${verb} ${words(listed)} of ${agentId?.value ?? ''}${was}`);
    return {};
  }

  operatorService(): GrpcService {
    const answer = <Req, Res>(act: (request: Req) => Res) =>
      unaryHandler<Req, Res>(async (request) => {
        if (!this.leading) {
          throw new FailureError(
            failure('notLeader', 'this master does not lead', this.leader ? { leader: this.leader } : {}),
          );
        }
        return act(request);
      });
    const implementation: OperatorServiceServer = {
      getVersion: unaryHandler(async () => ({
        version: '0.1.0',
        leading: this.leading,
        leader: this.leader,
      })),
      getMaster: answer(() =>
        make(GetMasterResponse, { term: 7n, cluster: 'trial', master: { electedTime: 1_767_225_600 } }),
      ),
      getState: answer(() =>
        make(GetStateResponse, { state: { getTasks: this.tasks, getFrameworks: this.frameworks } }),
      ),
      getAgents: answer(() => this.agents()),
      getFrameworks: answer(() => ({ frameworks: this.frameworks })),
      getTasks: answer(({ frameworkId }) => ({
        tasks:
          frameworkId === undefined
            ? this.tasks
            : {
                ...this.tasks,
                tasks: this.tasks.tasks.filter((one) => one.frameworkId?.value === frameworkId.value),
              },
      })),
      getRoles: answer(() => ({
        roles: [
          { name: 'web', weight: 2, frameworks: [{ value: 'F-1' }], resources: resources('cpus:1;mem:128') },
          { name: 'dev', weight: 1, frameworks: [], resources: [] },
        ],
      })),
      getQuota: answer(() =>
        make(GetQuotaResponse, {
          status: { configs: this.quotas },
          consumptions: [{ role: 'web', consumed: { cpus: { value: 1 } } }],
        }),
      ),
      updateQuota: answer(({ quotaConfigs, force }) => {
        this.quotas = quotaConfigs;
        this.forced = force;
        return {};
      }),
      getWeights: answer(() => ({ weightInfos: this.weights })),
      updateWeights: answer(({ weightInfos }) => {
        this.weights = weightInfos;
        return {};
      }),
      drainAgent: answer(({ agentId, maxGracePeriod, markGone }) => {
        const grace = maxGracePeriod === undefined ? '' : ` ${maxGracePeriod.seconds}s`;
        this.asked.push(`drain ${agentId?.value}${grace}${markGone === true ? ' gone' : ''}`);
        return {};
      }),
      deactivateAgent: answer(({ agentId }) => (this.asked.push(`deactivate ${agentId?.value}`), {})),
      reactivateAgent: answer(({ agentId }) => (this.asked.push(`reactivate ${agentId?.value}`), {})),
      markAgentGone: answer(({ agentId }) => (this.asked.push(`gone ${agentId?.value}`), {})),
      getMaintenanceSchedule: answer(() => ({ schedule: this.schedule })),
      updateMaintenanceSchedule: answer(({ schedule }) => {
        this.schedule = schedule ?? { windows: [] };
        return {};
      }),
      getMaintenanceStatus: answer(() =>
        make(GetMaintenanceStatusResponse, {
          status: {
            drainingMachines: [
              {
                id: { hostname: 'host-1' },
                statuses: [
                  {
                    status: 'ACCEPT',
                    frameworkId: { value: 'F-1' },
                    timestamp: { nanoseconds: 1_767_225_600_000_000_000n },
                  },
                ],
              },
            ],
            downMachines: [{ ip: '192.0.2.1' }],
          },
        }),
      ),
      startMaintenance: answer(({ machines }) => {
        this.asked.push(`start ${machines.map(({ hostname, ip }) => hostname ?? ip).join(' ')}`);
        return {};
      }),
      stopMaintenance: answer(({ machines }) => {
        this.asked.push(`stop ${machines.map(({ hostname, ip }) => hostname ?? ip).join(' ')}`);
        return {};
      }),
      killTask: answer(({ taskId }) => {
        this.killed.push(taskId?.value ?? '');
        return { task: undefined };
      }),
      teardownFramework: answer(() => ({ frameworkInfo: undefined })),
      watch: (stream) => {
        stream.write({
          events: [
            make(v1.Event, {
              type: v1.Event_Type.SUBSCRIBED,
              subscribed: { getState: { getTasks: this.tasks } },
            }),
            make(v1.Event, {
              type: v1.Event_Type.TASK_UPDATED,
              taskUpdated: {
                state: TaskState.TASK_FAILED,
                status: { taskId: { value: 'web-1a2b' }, message: 'Command exited with status 1' },
              },
            }),
          ],
          resume: '7-2',
        });
      },
      reserveResources: answer((request) => this.#operated('reserve', request, request.resources)),
      unreserveResources: answer((request) => this.#operated('unreserve', request, request.resources)),
      createVolumes: answer((request) => this.#operated('create', request, request.volumes)),
      destroyVolumes: answer((request) => this.#operated('destroy', request, request.volumes)),
      growVolume: answer((request) =>
        this.#operated(
          'grow',
          request,
          [request.volume, request.addition].flatMap((one) => one ?? []),
        ),
      ),
      shrinkVolume: answer((request) =>
        this.#operated(
          `shrink by ${request.subtract?.value ?? 0}`,
          request,
          [request.volume].flatMap((one) => one ?? []),
        ),
      ),
      explain: answer(({ role }) =>
        make(ExplainResponse, {
          roles: [
            {
              role: role || 'web',
              share: 0.125,
              agents: [
                {
                  agentId: { value: 'A-1' },
                  hostname: 'host-1',
                  free: 'cpus:3.5;mem:960',
                  filter: 'declined',
                  reason: 'declined for 5m',
                },
                { agentId: { value: 'A-2' }, hostname: 'host-2', free: 'cpus:1', filter: '', reason: '' },
                ...Array.from({ length: this.fullAgents }, (_, at) => ({
                  agentId: { value: `A-${at + 3}` },
                  hostname: `host-${at + 3}`,
                  free: '',
                  filter: 'nothing-free',
                  reason: 'all of it is used',
                })),
              ],
            },
          ],
        }),
      ),
    };
    return { definition: OperatorServiceService, implementation, fullName: 'meseta.v1.OperatorService' };
  }

  agentService(): GrpcService {
    const refuse = <Req, Res>() =>
      unaryHandler<Req, Res>(() => Promise.reject(new FailureError(failure('invalid', 'not faked'))));
    const implementation: AgentServiceServer = {
      getAgent: refuse(),
      getContainers: refuse(),
      getTasks: refuse(),
      getExecutors: refuse(),
      getFrameworks: refuse(),
      listFiles: (call, answer) =>
        answer(null, {
          files: [
            {
              path: `${call.request.path}sub`,
              size: 4096n,
              mode: 0o040755,
              mtime: { nanoseconds: 0n },
              uid: '0',
            },
            {
              path: `${call.request.path}stdout`,
              size: 5n,
              mode: 0o100644,
              mtime: { nanoseconds: 0n },
              uid: '0',
            },
          ],
        }),
      readFile: (call, answer) => {
        const bytes = Buffer.from(`the file ${call.request.path}`);
        answer(null, { size: BigInt(bytes.length), data: bytes.subarray(Number(call.request.offset)) });
      },
      // A command that prints what it was, and what it is told until that ends; then it fails with 3.
      exec: (stream) => {
        stream.on('data', ({ request }: ExecRequest) => {
          if (request?.$case === 'start')
            stream.write({
              response: { $case: 'stdout', value: Buffer.from(`ran ${request.value.command.join(' ')}\n`) },
            });
          if (request?.$case === 'stdin')
            stream.write({ response: { $case: 'stderr', value: request.value } });
          if (request?.$case !== 'stdinEnd') return;
          stream.write({ response: { $case: 'exitStatus', value: 3 } });
          stream.end();
        });
      },
      // A terminal that shows what is typed, until that ends, or there is nothing.
      attach: (stream) => {
        let quiet: NodeJS.Timeout | undefined;
        stream.on('data', ({ request }: AttachRequest) => {
          if (request?.$case === 'start') {
            const size = request.value.terminal;
            const text = size === undefined ? 'attached\n' : `attached at ${size.rows}x${size.columns}\n`;
            stream.write({ response: { $case: 'stdout', value: Buffer.from(text) } });
            stream.write({ response: { $case: 'stderr', value: Buffer.from('careful\n') } });
            quiet = setTimeout(() => stream.end(), 200);
          }
          if (request?.$case !== 'stdin') return;
          clearTimeout(quiet);
          if (request.value[0] === 0x04) stream.end();
          else stream.write({ response: { $case: 'stdout', value: request.value } });
        });
      },
      readLog: (stream) => {
        const { taskId, stream: which, offset } = stream.request;
        const name = which === LogStream.STDERR ? 'stderr' : 'stdout';
        const text =
          this.outputs.get(`${taskId?.value ?? ''} ${name}`) ?? this.outputs.get(`* ${name}`) ?? '';
        const bytes = Buffer.from(text);
        stream.write({
          offset,
          data: offset < 0n ? bytes.subarray(Number(offset)) : bytes.subarray(Number(offset)),
        });
        stream.end();
      },
    };
    return { definition: AgentServiceService, implementation, fullName: 'meseta.v1.AgentService' };
  }
}

/** Serves on any free port of the loopback. */
export function serve(services: readonly GrpcService[]): Promise<GrpcServer> {
  return startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    insecure: false,
    log: createLogger('fake', 'silent'),
    services,
  });
}
