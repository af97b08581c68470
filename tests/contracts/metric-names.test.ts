import { expect, test } from 'vitest';
import { NAMED_QUANTITIES } from '../../src/domain/quantities.ts';
import { readingOf } from '../../src/domain/reading.ts';
import { type DeviceState, EMPTY_STATE } from '../../src/domain/state.ts';
import { asInstant, seconds } from '../../src/domain/time.ts';
import { createPrometheus } from '../../src/exporters/prometheus.ts';
import { GROUP, JUDGED, MEMBER } from '../kit/judged.ts';

/** One of each kind of variable that comes numbered or in phases. */
const PLACED = [
  ...['voltage', 'voltage.minimum', 'voltage.maximum', 'voltage.nominal', 'current', 'frequency', 'realpower'],
  ...['power', 'power.percent', 'powerfactor', 'load'],
].flatMap((rest) => [`input.L1-N.${rest}`, `output.L2-L3.${rest}`, `input.bypass.N.${rest}`]);

const NUMBERED = [
  ...['current', 'voltage', 'power', 'realpower', 'energy', 'powerfactor', 'frequency', 'autoswitch.charge.low'],
  ...['start', 'shutdown', 'reboot'].flatMap((what) => [`delay.${what}`, `timer.${what}`]),
].map((rest) => `outlet.1.${rest}`);

const AMBIENT = ['ambient.1.temperature', 'ambient.1.humidity'];

/** The families of a scrape: type, name, and every label one of its samples has. */
function familiesOf(text: string): string {
  const lines = text.split('\n');
  const families = lines.flatMap((line) => {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const samples = lines.filter((other) => other.startsWith(`${name}{`));
    const labels = new Set(samples.flatMap((sample) => [...sample.matchAll(/([a-z]+)="/g)].map((found) => found[1])));
    return [`${name} ${type} {${[...labels].sort().join(', ')}}`];
  });
  return `${families.sort().join('\n')}\n`;
}

test('the names, types and labels of the metrics are the ones that dashboards hold', async () => {
  const variables = [...NAMED_QUANTITIES, ...PLACED, ...NUMBERED, ...AMBIENT].map((name) => [name, '1'] as const);
  const device: DeviceState = {
    ...JUDGED,
    id: 'rack',
    address: { source: 'nas', name: 'ups' },
    label: 'rack',
    link: { kind: 'up' },
    reading: readingOf(new Map(variables), asInstant(0), asInstant(0)),
    derived: new Map(),
  };
  const prometheus = createPrometheus({ version: '1', timeLeft: () => seconds(90) });
  prometheus.accept({
    stamp: { at: asInstant(0), wall: 0 },
    input: { kind: 'tick' },
    before: EMPTY_STATE,
    after: {
      ...EMPTY_STATE,
      sources: new Map([['nas', { link: { kind: 'up' }, ids: new Map(), unnamed: new Map() }]]),
      devices: new Map([['rack', device]]),
      groups: new Map([['servers', GROUP]]),
      durations: new Map([['servers/lab/vms', [seconds(12)]]]),
      alone: new Map([['rack', MEMBER]]),
    },
    intents: [],
    facts: [],
  });
  prometheus.count.sinkFailure('mqtt');
  await expect(familiesOf(await prometheus.metrics())).toMatchFileSnapshot('metric-names.txt');
});
