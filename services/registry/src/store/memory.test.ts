import { describeStore } from './behaviour';
import { createMemoryStore } from './memory';

describeStore('memory', () => {
  const store = createMemoryStore();
  return Promise.resolve({
    store,
    ttlMs: 150,
    compact: (revision) => Promise.resolve(store.compact(revision)),
    close: () => store.close(),
  });
});
