import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * As much of a server of FTP as reading takes: logs one user in, and sends files over connections that the client opens.
 *
 * @see https://www.rfc-editor.org/rfc/rfc959 and https://www.rfc-editor.org/rfc/rfc2428 for EPSV
 */
export class FtpServer {
  /** What clients have said. */
  readonly said: string[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly files: ReadonlyMap<string, Buffer>,
    /** Sends half of a file and then nothing. */
    private readonly stalls: boolean,
  ) {}

  static async start(
    files: Readonly<Record<string, string | Buffer>>,
    { stalls = false } = {},
  ): Promise<FtpServer> {
    const all = new Map(Object.entries(files).map(([name, content]) => [name, Buffer.from(content)]));
    const server = createServer();
    const ftp = new FtpServer(server, all, stalls);
    server.on('connection', (socket) => ftp.serve(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return ftp;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private hold(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
  }

  private serve(control: Socket): void {
    this.hold(control);
    const reply = (line: string): void => void control.write(`${line}\r\n`);
    let data: Promise<Socket> | undefined;
    reply('220 ready');
    let rest = '';
    control.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        this.said.push(line);
        const [verb = '', argument = ''] = line.split(/ (.*)/s);
        const file = this.files.get(argument);
        switch (verb.toUpperCase()) {
          case 'USER':
            reply('331 password');
            break;
          case 'PASS':
            reply(argument === 'wrong' ? '530 no' : '230 in');
            break;
          case 'EPSV':
            void this.listen().then(({ port, connected }) => {
              data = connected;
              reply(`229 open (|||${port}|)`);
            });
            break;
          case 'SIZE':
            reply(file === undefined ? '550 no such file' : `213 ${file.length}`);
            break;
          case 'RETR':
            if (file === undefined) {
              reply('550 no such file');
              break;
            }
            reply('150 coming');
            void data?.then((socket) => {
              if (this.stalls) return socket.write(file.subarray(0, file.length / 2));
              return socket.end(file, () => reply('226 sent'));
            });
            break;
          case 'TYPE':
          case 'OPTS':
          case 'PBSZ':
          case 'PROT':
            reply('200 so be it');
            break;
          default:
            reply('502 not here');
        }
      }
    });
  }

  private async listen(): Promise<{ readonly port: number; readonly connected: Promise<Socket> }> {
    const server = createServer();
    const connected = new Promise<Socket>((resolve) =>
      server.once('connection', (socket) => {
        this.hold(socket);
        server.close();
        resolve(socket);
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { port: (server.address() as AddressInfo).port, connected };
  }
}
