import { execFile } from 'node:child_process';
import { failure } from '@meseta/model';
import { FailureError } from '@meseta/kit';
import { lastLineOf } from '../last-line';
import { defaultPath, findProgram } from '../runtime/process/programs';
import { isObject, type JsonObject } from './network-config';

/** How long a plugin may take. Milliseconds; asking a DHCP server is slow. */
const pluginTimeoutMs = 60_000;
/** How much a plugin may print. Bytes. */
const outputBytesMax = 1024 * 1024;

/** What a plugin is told in its environment. */
export interface PluginCall {
  readonly command: 'ADD' | 'DEL';
  readonly type: string;
  readonly containerId: string;
  /** The path of the network namespace; empty if that is gone already. */
  readonly namespace: string;
  readonly ifName: string;
  readonly directories: readonly string[];
}

/**
 * Asks a plugin, and waits for its answer.
 *
 * @param config what it is told on its standard input
 * @returns its result; undefined if it printed none, as for DEL
 * @throws FailureError with the plugin's own words
 */
export async function callPlugin(call: PluginCall, config: JsonObject): Promise<JsonObject | undefined> {
  const { type, command } = call;
  const path = await findProgram(type, call.directories);
  if (path === undefined) throw failed(`there is no plugin '${type}' in ${call.directories.join(', ')}`);
  const { error, stdout, stderr } = await run(path, call, JSON.stringify(config));
  const answer = parse(stdout);
  if (error === undefined) return answer;
  // An error has the form {code, msg, details}; a plugin that broke down prints what it likes.
  const words = [answer?.['msg'], answer?.['details']].filter(
    (text) => typeof text === 'string' && text !== '',
  );
  throw failed(`plugin ${type}, ${command}: ${words.join('; ') || lastLineOf(stderr) || error}`);
}

function run(
  path: string,
  call: PluginCall,
  input: string,
): Promise<{ readonly error: string | undefined; readonly stdout: string; readonly stderr: string }> {
  const env = {
    PATH: defaultPath,
    CNI_COMMAND: call.command,
    CNI_CONTAINERID: call.containerId,
    CNI_NETNS: call.namespace,
    CNI_IFNAME: call.ifName,
    CNI_PATH: call.directories.join(':'),
  };
  const options = {
    env,
    timeout: pluginTimeoutMs,
    maxBuffer: outputBytesMax,
    killSignal: 'SIGKILL',
  } as const;
  return new Promise((resolve) => {
    const child = execFile(path, options, (error, stdout, stderr) => {
      const late = `no answer within ${pluginTimeoutMs / 1000} s`;
      const why = error === null ? undefined : error.killed === true ? late : error.message.split('\n')[0];
      resolve({ error: why, stdout, stderr });
    });
    // One that ends before it has read all says so by its status.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

function parse(text: string): JsonObject | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function failed(message: string): FailureError {
  return new FailureError(failure('conflict', message));
}
