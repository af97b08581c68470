import { describe, expect, test } from 'vitest';
import type { Progress } from '../../domain/progress.ts';
import { asInstant } from '../../domain/time.ts';
import { isPursuing, type Pursuit } from './pursuit.ts';

describe('time alone can change', () => {
  const at = asInstant(0);
  const progress: Progress = { run: 'r', kind: 'outage', dryRun: false, wall: 0, phase: 'ended', steps: new Map() };
  const in_ = (now: Progress['phase'], more: Partial<Progress> = {}) => ({
    progress: { ...progress, phase: now, ...more },
  });
  test.each<[string, Pursuit, boolean]>([
    ['nothing where there is nothing', {}, false],
    ['a run that waits to be taken up', { resuming: true }, true],
    ['what has to be brought back', { shed: { stages: ['lab'], undo: new Map() } }, true],
    ['a run that is going on', in_('running'), true],
    ['one that is called off', in_('stopping'), true],
    ['one that was cut short', in_('interrupted'), true],
    ['a restore', in_('restoring'), true],
    ['nothing of a restore that is through', in_('restored'), false],
    ['nothing of a run that is through', in_('ended'), false],
    ['a halt that was issued', in_('ended', { halt: { act: 'halt', at, wall: 0 } }), true],
  ])('%s', (_, pursuit, is) => {
    expect(isPursuing(pursuit)).toBe(is);
  });
});
