// A real Prometheus for tests: on a free port, in a folder of the test, ended by its own pid.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, freePort } from '../integration/harness';

/** What Prometheus scrapes: the HTTP addresses of each job. */
export type Targets = Readonly<Record<string, readonly string[]>>;

/** One series of an answer. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A trace that a bucket of a histogram names. */
export interface Exemplar {
  readonly labels: Readonly<Record<string, string>>;
}

export class Prometheus {
  readonly #child: ChildProcess;
  readonly #url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  /** Starts one that scrapes the targets twice a second; resolves when it has scraped all of them. */
  static async start(folder: string, targets: Targets, ruleFile: string): Promise<Prometheus> {
    mkdirSync(folder, { recursive: true });
    const config = join(folder, 'prometheus.yml');
    writeFileSync(config, JSON.stringify(configOf(targets, ruleFile)));
    const port = await freePort();
    const child = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--enable-feature=exemplar-storage',
        '--log.level=error',
      ],
      { stdio: 'ignore' },
    );
    child.once('error', (error) => console.error(`prometheus: ${error.message}`));
    const prometheus = new Prometheus(child, `http://127.0.0.1:${port}`);
    const expected = Object.values(targets).flat().length;
    await eventually('Prometheus has scraped every target', async () => {
      const up = await prometheus.query('sum(up)');
      return up[0]?.value === expected;
    });
    return prometheus;
  }

  /** Answers an instant query, now. */
  async query(expr: string): Promise<readonly Sample[]> {
    const { result } = (await this.#ask('query', { query: expr })) as {
      readonly result: readonly {
        readonly metric: Record<string, string>;
        readonly value: [number, string];
      }[];
    };
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** The exemplars of the last minutes. */
  async exemplars(expr: string): Promise<readonly Exemplar[]> {
    const endSeconds = Date.now() / 1000;
    const found = (await this.#ask('query_exemplars', {
      query: expr,
      start: `${endSeconds - 600}`,
      end: `${endSeconds + 60}`,
    })) as readonly { readonly exemplars: readonly Exemplar[] }[];
    return found.flatMap(({ exemplars }) => exemplars);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  async #ask(what: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/${what}`, {
      method: 'POST',
      body: new URLSearchParams(parameters),
    });
    const answer = (await response.json()) as { status: string; error?: string; data: unknown };
    if (answer.status !== 'success') throw new Error(`${parameters['query']}: ${answer.error}`);
    return answer.data;
  }
}

/** JSON is YAML. */
function configOf(targets: Targets, ruleFile: string): object {
  return {
    global: { scrape_interval: '500ms', scrape_timeout: '450ms', evaluation_interval: '1s' },
    rule_files: [ruleFile],
    scrape_configs: Object.entries(targets).map(([job, addresses]) => ({
      job_name: job,
      static_configs: [{ targets: addresses }],
    })),
  };
}
