import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { group, settings } from '../../tests/kit/settings.ts';
import type { Step } from '../domain/steps.ts';
import { seconds } from '../domain/time.ts';
import { plan, planLines } from './plan.ts';

const step = (key: string, text: string, usual: number, after: readonly string[] = []): Step => ({
  kind: 'exec',
  key,
  text,
  after,
  usual: seconds(usual),
  deadline: seconds(90),
  carriesSource: false,
});

const RACK = group('rack', ['rack_a', 'rack_b'], {
  label: 'Server rack',
  stages: [
    {
      name: 'shed',
      when: { onBatteryFor: seconds(180), chargeBelow: 60, runtimeBelow: seconds(600) },
      steps: [step('shed/lab', 'stop the lab', 20)],
      restore: [],
    },
    {
      name: 'last',
      steps: [step('last/nas', 'stop the nas', 30), step('last/switch', 'stop the switch', 5, ['last/nas'])],
      restore: [],
    },
  ],
  halt: { ...step('host', 'halt this host', 10), kind: 'host' },
});

test('the plan of a group: stages and steps in their order, what all of it takes, and until when it can be cancelled', () => {
  expect(planLines(settings({ armed: true, groups: [RACK] }))).toEqual([
    'group rack (Server rack): 3 steps in 2 stages and the halt of this host',
    '  fed by rack_a, rack_b; 1 of 2 needed',
    '  1. shed, on battery for 3 min and charge below 60 % and runtime below 10 min, or when the group fires: 20 s',
    '       shed/lab: stop the lab: 20 s, at most 1 min 30 s',
    '  2. last, when the group fires: 35 s',
    '       last/nas: stop the nas: 30 s, at most 1 min 30 s',
    '       last/switch: stop the switch, after last/nas: 5 s, at most 1 min 30 s',
    '  3. halt of this host, when all before it has ended: 10 s',
    '       host: halt this host: 10 s, at most 1 min 30 s',
    '  expected 1 min 5 s; needs 2 min 5 s, of which 1 min are reserve',
    '  cannot be cancelled from the beginning of the halt on',
  ]);
});

test.each([
  ['not armed', { groups: [RACK] }, /3 steps .* not armed: only told/],
  ['a dry run', { armed: true, dryRun: true, groups: [RACK] }, /as a dry run/],
  ['nothing to do', { armed: true, groups: [group('calm', ['a'])] }, /group calm: nothing to shut down here/],
  ['no halt', { groups: [group('a', ['a'], { stages: RACK.stages })] }, /can be cancelled at any time/],
  ['a stage of no return', { groups: [{ ...RACK, pointOfNoReturn: 'last' }] }, /beginning of stage last on/],
  [
    'an order to a UPS',
    {
      groups: [
        {
          ...RACK,
          stages: [
            { name: 'ups', steps: [{ ...step('ups/off', 'off', 5), kind: 'ups' as const, device: 'a' }], restore: [] },
          ],
        },
      ],
    },
    /beginning of ups\/off on/,
  ],
])('%s is said', (_, more, line) => {
  expect(planLines(settings(more)).join('\n')).toMatch(line);
});

test('groups stand apart; without any, nothing is ever shut down', () => {
  const lines = planLines(settings({ groups: [RACK, group('desk', ['desk'])] }));
  expect(lines[lines.indexOf('') + 1]).toMatch(/^group desk/);
  expect(planLines(settings())).toEqual(['no groups: nothing is ever shut down']);
});

test('the command reads a configuration, or says what is wrong with it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plan-'));
  const file = join(folder, 'gridwarden.yaml');
  const lines: string[] = [];
  const run = (config: string) => plan({ config, out: (line) => lines.push(line) });
  await writeFile(file, 'node: rack\nmqtt: { url: mqtt://broker }\nsources: { nas: { nut: { host: nas } } }\n');
  expect(await run(file)).toBe(0);
  await writeFile(file, 'node: 5\n');
  expect(await run(file)).toBe(2);
  expect(await run(join(folder, 'nowhere.yaml'))).toBe(2);
  expect(lines[0]).toBe('no groups: nothing is ever shut down');
  expect(lines.length).toBeGreaterThan(2);
});
