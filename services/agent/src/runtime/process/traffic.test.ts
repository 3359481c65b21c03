import { parseNetDev } from './traffic';

test('G72: what went over a container’s networks is the sum of its interfaces, without the loopback', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     500       5    0    0    0     0          0         0      500       5    0    0    0     0       0          0
  eth0:1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0
  eth1:     1       1    0    0    0     0          0         0        2       2    0    0    0     0       0          0
`;
  expect(parseNetDev(text)).toEqual({
    received: { bytes: 1001, packets: 11, errors: 1, dropped: 2 },
    sent: { bytes: 2002, packets: 22, errors: 3, dropped: 4 },
  });
});
