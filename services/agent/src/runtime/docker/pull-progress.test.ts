import { PullProgress } from './pull-progress';

test('layers and megabytes, as the daemon tells of them', () => {
  const progress = new PullProgress();
  const megabytes = (current: number, total: number) => ({
    current: current * 2 ** 20,
    total: total * 2 ** 20,
  });
  const said = [
    { status: 'Pulling from library/web', id: 'latest' },
    { status: 'Pulling fs layer', id: 'a' },
    { status: 'Already exists', id: 'b' },
    { status: 'Downloading', id: 'a', progressDetail: megabytes(1, 4) },
    { status: 'Downloading', id: 'a', progressDetail: megabytes(3.5, 4) },
    { status: 'Download complete', id: 'a' },
    { status: 'Extracting', id: 'a', progressDetail: megabytes(1, 4) },
    { status: 'Pull complete', id: 'a' },
    { status: 'Digest: sha256:0' },
  ].map((event) => (progress.take(event) ? progress.words() : undefined));
  expect(said).toEqual([
    undefined,
    '0 of 1 layers, 0 of 0 MB',
    '1 of 2 layers, 0 of 0 MB',
    '1 of 2 layers, 1 of 4 MB',
    '1 of 2 layers, 4 of 4 MB',
    '1 of 2 layers, 4 of 4 MB',
    '1 of 2 layers, 4 of 4 MB',
    '2 of 2 layers, 4 of 4 MB',
    undefined,
  ]);
});
