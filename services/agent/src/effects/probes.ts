import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { Timers } from '@meseta/kit';
import type { CheckInfo, CommandInfo, HealthCheck } from '@meseta/protocol';
import { NetworkInfo_Protocol } from '@meseta/protocol';
import { variablesOf, type SecretResolver } from '../secrets/resolver';
import { connectWithin } from '../network/connect-within';
import type { ContainerRuntime, ContainerSpec } from '../runtime/container-runtime';
import type { CheckName, ProbeResult } from '../state/check-record';
import { checkOf, timeoutDefault } from '../state/checks';
import type { Command } from '../state/command';
import type { AgentState, TaskKey, TaskRecord } from '../state/state';

/** How often an answer that sends elsewhere is followed. */
const redirectionsMax = 5;

/** What questions need of the agent around them. */
export interface ProbesOptions {
  readonly state: AgentState;
  readonly runtimes: ReadonlyMap<string, ContainerRuntime>;
  readonly specOf: (task: TaskRecord) => ContainerSpec | undefined;
  readonly resolveSecret: SecretResolver;
  readonly push: (command: Command) => void;
  readonly timers: Timers;
}

/** Asks the questions of checks (T70 – T78). */
export class Probes {
  private readonly controllers = new Set<AbortController>();

  constructor(private readonly options: ProbesOptions) {}

  /** Asks one, and pushes the answer, or why there is none, as a command. */
  ask(key: TaskKey, which: CheckName, attempt: number): void {
    const task = this.options.state.tasks.get(key);
    const check = task === undefined ? undefined : checkOf(task, which);
    if (task === undefined || check === undefined) return;
    const controller = new AbortController();
    this.controllers.add(controller);
    const timeoutMs = (check.timeoutSeconds ?? timeoutDefault) * 1000;
    const cancel =
      timeoutMs > 0 ? this.options.timers.after(timeoutMs, () => controller.abort()) : () => undefined;
    const late = `no answer within ${timeoutMs} ms`;
    this.answer(task, check, controller.signal)
      .catch((error: unknown): ProbeResult => {
        const message = error instanceof Error ? error.message : String(error);
        return { kind: 'failed', message: controller.signal.aborted ? late : message };
      })
      .then((result) => {
        cancel();
        if (this.controllers.delete(controller))
          this.options.push({ kind: 'probed', key, which, attempt, result });
      })
      .catch(() => undefined);
  }

  /** Gives up every question; none of them is answered any more. */
  close(): void {
    const controllers = [...this.controllers];
    this.controllers.clear();
    for (const controller of controllers) controller.abort();
  }

  private answer(
    task: TaskRecord,
    check: CheckInfo | HealthCheck,
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    // A service in a network of its own is asked from within it, or at its address there; any other on this machine's own.
    const enter = this.options.runtimes.get(task.runtime)?.enterNetwork?.(task.containerId);
    const local = isIpv6(check) ? '::1' : '127.0.0.1';
    const host = enter === undefined ? (task.container.ip ?? local) : local;
    const dial: Dial | undefined =
      enter && ((other, port) => connectWithin(enter, other.replace(/^\[|\]$/g, ''), port, signal));
    if (check.http !== undefined) return askHttp(host, check.http, signal, dial);
    if (check.tcp !== undefined) return askTcp(host, check.tcp.port ?? 0, signal, dial);
    return this.askCommand(task, commandOf(check), signal);
  }

  private async askCommand(
    task: TaskRecord,
    command: CommandInfo | undefined,
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    const runtime = this.options.runtimes.get(task.runtime);
    const spec = this.options.specOf(task);
    if (runtime === undefined || spec === undefined || command === undefined)
      return { kind: 'failed', message: 'the check has no command' };
    const environment = new Map([...spec.environment, ...variablesOf(command, this.options.resolveSecret)]);
    const { status } = await runtime.run({ ...spec, command, environment }, signal);
    return { kind: 'answered', answer: { type: 'COMMAND', exitCode: status } };
  }
}

/** A check wraps its command, a health check does not. */
function commandOf({ command }: CheckInfo | HealthCheck): CommandInfo | undefined {
  if (command === undefined) return undefined;
  return 'command' in command ? command.command : (command as CommandInfo);
}

function isIpv6({ http, tcp }: CheckInfo | HealthCheck): boolean {
  const protocols = [http, tcp].map((one) =>
    one !== undefined && 'protocol' in one ? one.protocol : undefined,
  );
  return protocols.includes(NetworkInfo_Protocol.IPv6);
}

/** Opens a connection from where the service is. */
type Dial = (host: string, port: number) => Promise<Duplex>;

/** The status that the end of all redirections has; certificates are not checked. */
function askHttp(
  host: string,
  { scheme, port, path }: { readonly scheme?: string; readonly port?: number; readonly path?: string },
  signal: AbortSignal,
  dial: Dial | undefined,
): Promise<ProbeResult> {
  const address = host.includes(':') ? `[${host}]` : host;
  const url = new URL(`${scheme ?? 'http'}://${address}:${port ?? 80}${path ?? '/'}`);
  return get(url, redirectionsMax, signal, dial);
}

async function get(
  url: URL,
  redirections: number,
  signal: AbortSignal,
  dial: Dial | undefined,
): Promise<ProbeResult> {
  const isSecure = url.protocol === 'https:';
  const port = Number(url.port) || (isSecure ? 443 : 80);
  const socket = await dial?.(url.hostname, port);
  const options = {
    signal,
    rejectUnauthorized: false,
    // With an agent, Node would open a connection of its own.
    ...(socket === undefined
      ? { agent: false }
      : { createConnection: () => (isSecure ? connectTls({ socket, rejectUnauthorized: false }) : socket) }),
  };
  return new Promise((resolve, reject) => {
    const asked = (isSecure ? httpsRequest : httpRequest)(url, options, (response) => {
      response.resume();
      const { statusCode = 0, headers } = response;
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined && redirections > 0) {
        get(new URL(headers.location, url), redirections - 1, signal, dial).then(resolve, reject);
        return;
      }
      resolve({ kind: 'answered', answer: { type: 'HTTP', statusCode } });
    });
    asked.once('error', reject);
    asked.end();
  });
}

/** Whether a connection opens: one that is refused is an answer, one that takes too long is none. */
async function askTcp(
  host: string,
  port: number,
  signal: AbortSignal,
  dial: Dial | undefined,
): Promise<ProbeResult> {
  if (dial !== undefined) {
    const stream = await dial(host, port).catch((error: unknown) => {
      if (signal.aborted) throw error;
      return undefined;
    });
    stream?.destroy();
    return { kind: 'answered', answer: { type: 'TCP', succeeded: stream !== undefined } };
  }
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    const tell = (succeeded: boolean): void => {
      socket.destroy();
      resolve({ kind: 'answered', answer: { type: 'TCP', succeeded } });
    };
    socket.once('connect', () => tell(true));
    socket.once('error', (error) => (signal.aborted ? reject(error) : tell(false)));
  });
}
