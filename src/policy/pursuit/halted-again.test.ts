import { describe, expect, test } from 'vitest';
import {
  begins,
  CHARGED,
  ends,
  halts,
  lastOrder,
  orders,
  running,
  stage,
  staged,
  step,
  tells,
  through,
} from '../../../tests/kit/pursued.ts';
import { rack } from '../../../tests/kit/watch.ts';

describe('a halt that did not happen', () => {
  const halted = (state: 'done' | 'failed' = 'done', act: 'halt' | 'reboot' = 'halt') =>
    tells(running(), ...through('lab/a'), ...through('vms/a'), halts(act), ends('host', state), { kind: 'run-ended' });

  test('is issued again after 120 s on battery, and again', () => {
    const watch = halted();
    expect(orders(watch, () => watch.runs(119))).toEqual([]);
    expect(orders(watch, () => watch.runs(2))).toEqual(['halt']);
    expect(lastOrder(watch)).toMatchObject({ act: 'halt', run: watch.run()?.id });
    expect(orders(watch, () => watch.runs(118))).toEqual([]);
    expect(orders(watch, () => watch.runs(2))).toEqual(['halt']);
  });

  test('is a reboot on mains that have held', () => {
    const watch = halted();
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(121))).toEqual(['halt']);
    expect(lastOrder(watch)).toMatchObject({ act: 'reboot' });
  });

  test('is no reboot where a UPS was told to cycle', () => {
    const stages = [stage('lab'), stage('vms', { steps: [step('vms/a', 'ups')] })];
    const watch = tells(running(staged({ stages })), begins('vms/a'), ends('vms/a', 'failed'), halts(), ends('host'));
    tells(watch, { kind: 'run-ended' }).says('ups', 'OL', CHARGED).runs(121);
    expect(lastOrder(watch)).toMatchObject({ kind: 'halt', act: 'halt' });
  });

  test('because it was refused is tried again on mains where a UPS was told to cycle', () => {
    const stages = [stage('lab'), stage('vms', { steps: [step('vms/a', 'ups')] })];
    const watch = tells(running(staged({ stages })), begins('vms/a'), ends('vms/a'), halts(), ends('host', 'failed'));
    tells(watch, { kind: 'run-ended' }).says('ups', 'OL', { 'battery.charge': 30 });
    expect(orders(watch, () => watch.runs(121))).toEqual(['halt']);
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(119))).toEqual(['halt']);
    // Only once the UPS has had the time to switch off.
    expect(orders(watch, () => watch.runs(70))).toEqual(['restore']);
  });

  test('because it was refused is tried again on battery', () => {
    const watch = halted('failed');
    expect(orders(watch, () => watch.runs(121))).toEqual(['halt']);
  });

  test('because it was refused is left on mains, and what was stopped is brought back', () => {
    const watch = halted('failed');
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(300))).toEqual(['restore']);
  });

  test('because it was refused is left on mains however long that takes, until what was stopped may come back', () => {
    const watch = halted('failed');
    const low = { 'battery.charge': 30 };
    expect(orders(watch, () => watch.says('ups', 'OL', low).runs(300))).toEqual([]);
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(2))).toEqual(['restore']);
  });

  test('is told as what it is, with how long it has been', () => {
    const watch = halted().runs(121);
    const text = 'rack: still alive 2 min after the halt: halted again';
    expect(watch.facts.find(({ type }) => type === 'halt_again')).toMatchObject({ level: 'error', text });
    const mains = halted().says('ups', 'OL', CHARGED).runs(121);
    expect(mains.facts.find(({ type }) => type === 'halt_again')).toMatchObject({
      text: 'rack: still alive 2 min after the halt: the mains have held, rebooted',
      details: { act: 'reboot' },
    });
  });

  test('is issued again by the next process of this boot', () => {
    const watch = halted().restart(5).says('ups', 'OB', CHARGED);
    expect(orders(watch, () => watch.runs(110))).toEqual([]);
    expect(orders(watch, () => watch.runs(10))).toEqual(['halt']);
  });

  test('is not of interest in another boot', () => {
    const watch = halted().reboot();
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(300))).toEqual(['restore']);
  });

  test('of a dry run is no halt', () => {
    const watch = tells(running({ ...staged(), dryRun: true }), halts(), ends('host'), { kind: 'run-ended' });
    expect(orders(watch, () => watch.runs(300))).toEqual([]);
  });
});

describe('a halt that did not happen, of a group of nothing else', () => {
  const halted = () => tells(running(rack()), halts(), ends('host'), { kind: 'run-ended' });

  test('is issued again on battery', () => {
    const watch = halted();
    expect(orders(watch, () => watch.runs(121))).toEqual(['halt']);
  });

  test('is a reboot on mains that have held', () => {
    const watch = halted();
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(121))).toEqual(['halt']);
    expect(lastOrder(watch)).toMatchObject({ act: 'reboot' });
  });
});
