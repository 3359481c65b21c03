import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Takes spans and forgets them: only their ids matter here. */
export class Collector {
  readonly #server: Server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end());
  });

  start(): Promise<string> {
    return new Promise((resolve) =>
      this.#server.listen(0, '127.0.0.1', () =>
        resolve(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`),
      ),
    );
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
