import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { Client } from 'basic-ftp';
import { FailureError } from '@meseta/kit';
import { refuse, type DownloadOptions } from './download';

/**
 * Downloads a file by FTP, or by FTP over TLS for `ftps`; as anonymous unless the URL says who.
 *
 * @returns how many bytes came
 * @throws FailureError of one line, without the file's name
 */
export async function downloadFtp(
  url: URL,
  path: string,
  { stallMs, bytesMax, signal, come = () => undefined }: DownloadOptions,
): Promise<number> {
  const client = new Client(stallMs);
  const giveUp = (): void => client.close();
  signal.addEventListener('abort', giveUp, { once: true });
  const file = createWriteStream(path, { flags: 'wx' });
  let bytes = 0;
  try {
    await client.access({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? 21 : Number(url.port),
      user: url.username === '' ? 'anonymous' : decodeURIComponent(url.username),
      password: url.password === '' ? 'guest' : decodeURIComponent(url.password),
      secure: url.protocol === 'ftps:',
    });
    const name = decodeURIComponent(url.pathname);
    // Not every server tells.
    const total = await client.size(name).catch(() => undefined);
    if (total !== undefined && total > bytesMax) throw refuse(`is larger than ${bytesMax} bytes`);
    client.trackProgress((info) => {
      bytes = info.bytes;
      if (bytes > bytesMax) client.close();
      else come(bytes, total);
    });
    await client.downloadTo(file, name);
    client.trackProgress();
    await finished(file.end());
    return file.bytesWritten;
  } catch (error) {
    file.destroy();
    if (error instanceof FailureError) throw error;
    if (bytes > bytesMax) throw refuse(`is larger than ${bytesMax} bytes`);
    if (signal.aborted) throw refuse('is not wanted any more');
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw refuse(
      /timeout/i.test(message) ? `did not come: nothing for ${stallMs} ms` : `could not be had: ${message}`,
    );
  } finally {
    signal.removeEventListener('abort', giveUp);
    client.close();
  }
}
