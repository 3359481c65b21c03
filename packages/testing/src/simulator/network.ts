import type { Agenda, Time } from './agenda';
import type { Random } from './random';

/** A process's address. */
export type NodeId = string;

/** How a connection ended, as one of its ends sees it. */
export type Ending = 'closed' | 'broken' | 'refused' | 'unreachable';

/** One end of a connection: a stream of messages each way, each in order, like TCP. */
export interface End<In = unknown, Out = unknown> {
  readonly node: NodeId;
  readonly peer: NodeId;
  readonly open: boolean;
  onMessage: (message: In) => void;
  /** Called once, when the other end closed or the connection broke; not when this end closed it. */
  onEnd: (ending: Ending) => void;
  send(message: Out): void;
  /** Closes after what was sent. */
  close(): void;
}

/** Takes a connection in. */
export type Listener = (end: End<never, never>) => void;

/** How the network behaves. Milliseconds. */
export interface NetworkOptions {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** For how long a connection over which nothing passes stays open. */
  readonly keepAliveMs: number;
  readonly connectTimeoutMs: number;
}

/**
 * The network between processes: delays, connections that break, and directions that are cut.
 *
 * One connection keeps its order; between connections there is none. A cut direction holds messages back, as TCP does, until it is mended or one
 * side has given the connection up. A process that dies closes its connections; a host that dies says nothing.
 */
export class Network {
  readonly #listeners = new Map<NodeId, Map<string, Listener>>();
  readonly #ends = new Set<ConnectionEnd>();
  readonly #cuts = new Set<string>();
  /** Nodes whose time may stand still: what arrives meanwhile waits at their door. */
  readonly times = new Map<NodeId, Time>();
  options: NetworkOptions;
  messages = 0;

  constructor(
    private readonly agenda: Agenda,
    private readonly random: Random,
    options: NetworkOptions,
  ) {
    this.options = options;
  }

  /** A process begins to serve. */
  listen(node: NodeId, service: string, listener: Listener): void {
    const services = this.#listeners.get(node) ?? new Map<string, Listener>();
    services.set(service, listener);
    this.#listeners.set(node, services);
  }

  /** Opens a connection. The answer, if it fails, comes as the end's `onEnd`. */
  connect<In, Out>(from: NodeId, to: NodeId, service: string): End<In, Out> {
    const near = new ConnectionEnd(this, from, to);
    this.#ends.add(near);
    if (this.#isCut(from, to) || this.#isCut(to, from)) {
      this.agenda.after(this.options.connectTimeoutMs, () => this.#end(near, 'unreachable'));
      return near as unknown as End<In, Out>;
    }
    const far = new ConnectionEnd(this, to, from);
    near.other = far;
    far.other = near;
    near.lastArrivalMs = this.agenda.exactMs + this.delay();
    this.agenda.at(near.lastArrivalMs, () => {
      const listener = this.#listeners.get(to)?.get(service);
      if (listener === undefined) return this.#end(near, 'refused');
      if (!near.open) return;
      this.#ends.add(far);
      listener(far);
    });
    return near as unknown as End<In, Out>;
  }

  /** Cuts one direction. */
  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(`${from}>${to}`);
    const impatient = [...this.#ends].filter(
      (end) => (end.node === from && end.peer === to) || (end.node === to && end.peer === from),
    );
    for (const end of impatient) this.#expectBreak(end);
  }

  /** Mends one direction: what was held back goes on. */
  mend(from: NodeId, to: NodeId): void {
    if (!this.#cuts.delete(`${from}>${to}`)) return;
    for (const end of this.#ends) {
      if (end.node !== from || end.peer !== to) continue;
      const held = end.held.splice(0);
      for (const one of held) this.carry(end, one);
    }
  }

  /** A process dies: its connections are closed by its kernel. With `silent` its host dies, and nobody is told. */
  down(node: NodeId, silent: boolean): void {
    this.#listeners.delete(node);
    for (const end of [...this.#ends]) {
      if (end.node !== node) continue;
      this.#ends.delete(end);
      end.open = false;
      const { other } = end;
      if (other === undefined) continue;
      if (silent) this.#breakLater(other);
      else this.#sayClosed(end, other);
    }
  }

  /** A connection breaks, of one node or of any, and what was on its way is lost. */
  reset(random: Random, node?: NodeId): boolean {
    const open = [...this.#ends].filter(
      (end) => end.other !== undefined && (node === undefined || end.node === node),
    );
    if (open.length === 0) return false;
    const end = random.pick(open);
    const other = end.other;
    this.#end(end, 'broken');
    if (other !== undefined) this.#end(other, 'broken');
    return true;
  }

  delay(): number {
    return this.random.skewed(this.options.delayMinMs, this.options.delayMaxMs);
  }

  /** Sends one message, or holds it back. */
  carry(end: ConnectionEnd, message: unknown): void {
    const { other } = end;
    if (other === undefined) return;
    if (end.held.length > 0 || this.#isCut(end.node, end.peer)) {
      end.held.push(message);
      return;
    }
    const at = Math.max(end.lastArrivalMs, this.agenda.exactMs + this.delay());
    end.lastArrivalMs = at;
    this.messages += 1;
    this.#timeOf(other.node).at(at, () => {
      if (!other.open) return;
      if (message === closing) this.#end(other, 'closed');
      else other.onMessage(message as never);
    });
  }

  /** This end closes: the other one learns of it after what was sent. */
  closed(end: ConnectionEnd): void {
    this.#ends.delete(end);
    if (end.other !== undefined) this.#sayClosed(end, end.other);
  }

  /** The other end learns of it in order, or, where nothing passes, when it has waited for long enough. */
  #sayClosed(end: ConnectionEnd, other: ConnectionEnd): void {
    if (end.held.length > 0 || this.#isCut(end.node, end.peer)) this.#breakLater(other);
    else this.carry(end, closing);
  }

  #breakLater(end: ConnectionEnd): void {
    this.agenda.after(this.options.keepAliveMs * (0.5 + this.random.next()), () => this.#end(end, 'broken'));
  }

  #end(end: ConnectionEnd, ending: Ending): void {
    if (!end.open) return;
    end.open = false;
    this.#ends.delete(end);
    // The other side probes the connection before long, and is told that there is none.
    if (ending === 'broken' && end.other?.open === true) this.#breakLater(end.other);
    end.onEnd(ending);
  }

  #timeOf(node: NodeId): Time {
    return this.times.get(node) ?? this.agenda;
  }

  #isCut(from: NodeId, to: NodeId): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  /** Each side gives up by itself when nothing has come for long enough. */
  #expectBreak(end: ConnectionEnd): void {
    this.agenda.after(this.options.keepAliveMs * (0.5 + this.random.next()), () => {
      if (this.#isCut(end.node, end.peer) || this.#isCut(end.peer, end.node)) this.#end(end, 'broken');
    });
  }
}

const closing = Symbol('closing');

class ConnectionEnd implements End<never, unknown> {
  open = true;
  other: ConnectionEnd | undefined;
  lastArrivalMs = 0;
  readonly held: unknown[] = [];
  onMessage: (message: never) => void = () => undefined;
  onEnd: (ending: Ending) => void = () => undefined;

  constructor(
    private readonly network: Network,
    readonly node: NodeId,
    readonly peer: NodeId,
  ) {}

  send(message: unknown): void {
    if (this.open) this.network.carry(this, message);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.network.closed(this);
  }
}
