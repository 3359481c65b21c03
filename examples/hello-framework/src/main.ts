import { connect } from '@meseta/sdk';

const master = process.env['MESETA_MASTER'] ?? 'localhost:5060';
const scheduler = await connect({ master, framework: { name: 'hello', role: 'demo' } });

for await (const offer of scheduler.offers()) {
  if (!offer.fits('cpus:0.1;mem:32')) {
    offer.decline({ for: '5m' });
    continue;
  }
  const task = await offer.launch({ name: 'hello', command: 'echo hello', resources: 'cpus:0.1;mem:32' });
  console.log((await task.finished()).state); // Acknowledgement and reconciliation happened underneath.
  break;
}
await scheduler.stop();
