import { StringDecoder } from 'node:string_decoder';

/** Cuts a stream of bytes into lines and puts a prefix before each, so that the outputs of many tasks can be told apart. */
export class LinePrefix {
  readonly #prefix: string;
  readonly #write: (text: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(prefix: string, write: (text: string) => void) {
    this.#prefix = prefix;
    this.#write = write;
  }

  push(bytes: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(bytes)).split('\n');
    this.#rest = lines.pop() ?? '';
    if (lines.length > 0) this.#write(lines.map((line) => `${this.#prefix}${line}\n`).join(''));
  }

  /** Writes what stands after the last line break. */
  end(): void {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (rest !== '') this.#write(`${this.#prefix}${rest}\n`);
  }
}
