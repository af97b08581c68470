import { describe, expect, test } from 'vitest';
import { rack, Watch } from '../../../tests/kit/watch.ts';

describe('FSD', () => {
  test.each(['FSD', 'FSD OL', 'FSD OB', 'FSD OB LB', 'FSD OL CAL', 'FSD OB CAL', 'FSD OL OB', 'WAIT FSD'])(
    '%j fires with one reading',
    (words) => {
      const watch = new Watch().says('ups', 'OL').runs(5).says('ups', words);
      expect([watch.fired, watch.run()?.kind]).toEqual([['ups:fsd'], 'fsd']);
      expect(watch.runsOrdered).toMatchObject([{ group: 'rack', halt: true }]);
    },
  );

  test('is only told where the configuration says so', () => {
    const watch = new Watch({ ...rack(), fsd: 'tell' }).says('ups', 'OL').says('ups', 'FSD OL').runs(60);
    expect([watch.decidedAt, watch.classOf()]).toEqual([undefined, 'degraded']);
    watch.says('ups', 'FSD OB').runs(60);
    expect(watch.fired).toEqual([]);
  });

  test('beside OL in the first reading after a start is told, and obeyed once it has been set anew', () => {
    const watch = new Watch().says('ups', 'FSD OL').runs(60);
    expect([watch.decidedAt, watch.told.includes('fsd_ignored')]).toEqual([undefined, true]);
    watch.says('ups', 'OL').runs(1).says('ups', 'FSD OL');
    expect(watch.fired).toEqual(['ups:fsd']);
  });

  test.each(['FSD OB', 'FSD', 'FSD OB LB'])('%j in the first reading after a start is obeyed', (words) => {
    expect(new Watch().says('ups', words).fired).toEqual(['ups:fsd']);
  });

  test('that was only told stays so over a restart and a second reading', () => {
    const watch = new Watch().says('ups', 'FSD OL').runs(10).restart().says('ups', 'FSD OL').runs(10);
    expect(watch.decidedAt).toBeUndefined();
  });

  test('that was obeyed is ordered once, over a restart too', () => {
    const watch = new Watch().says('ups', 'OL').says('ups', 'FSD OL').runs(5).restart().says('ups', 'FSD OL').runs(10);
    expect(new Set(watch.runsOrdered.map(({ run }) => run)).size).toBe(1);
    expect(watch.run()?.kind).toBe('fsd');
  });
});
