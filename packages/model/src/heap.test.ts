import fc from 'fast-check';
import { Heap } from './heap';

test('what was pushed is taken in order, whatever comes between', () => {
  const push = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(fc.array(fc.option(push)), (pushedOrTaken) => {
      const heap = new Heap<number>((a, b) => a < b);
      const model: number[] = [];
      for (const one of pushedOrTaken) {
        if (one === null) expect(heap.take()).toBe(model.shift());
        else {
          heap.push(one);
          model.push(one);
          model.sort((a, b) => a - b);
        }
        expect(heap.first).toBe(model[0]);
      }
      while (model.length > 0) expect(heap.take()).toBe(model.shift());
      expect(heap.take()).toBeUndefined();
    }),
  );
});
