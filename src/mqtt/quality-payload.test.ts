import { expect, test } from 'vitest';
import { openHouse, says } from '../../tests/kit/mqtt-house.ts';
import { seconds } from '../domain/time.ts';

const TOPIC = 'gridwarden/home/ups/rack/power_quality';
const MAINS = {
  'ups.status': 'OL',
  'input.voltage': '230',
  'input.voltage.nominal': '230',
  'input.frequency': '50',
  'input.frequency.nominal': '50',
};

/** A UPS on good mains. */
function onMains() {
  const house = openHouse();
  house.report({ kind: 'listed', source: 'nas', devices: [{ name: 'rack' }] });
  house.report(says(MAINS));
  house.pass(seconds(60));
  return { ...house, shown: () => JSON.parse(house.messages.get(TOPIC)?.payload ?? 'null') };
}

const UNKNOWN = { voltage: null, frequency: null };
const GOOD = { voltage: { state: 'normal' }, frequency: { state: 'normal' } };

test('voltage and frequency of the mains are known on mains', () => {
  expect(onMains().shown()).toMatchObject(GOOD);
});

test.each([
  ['on battery', says({ ...MAINS, 'ups.status': 'OB', 'input.voltage': '0' })],
  ['while the device says nothing of its feeding', says({ ...MAINS, 'ups.status': 'WAIT' })],
  [
    'while it is lost',
    {
      kind: 'device-trouble',
      address: { source: 'nas', name: 'rack' },
      trouble: { kind: 'data-stale', detail: '' },
    } as const,
  ],
])('%s they are not known, at once, and known again on mains', (_, report) => {
  const house = onMains();
  house.report(report);
  house.pass(seconds(2));
  expect(house.shown()).toMatchObject({ ...UNKNOWN, nominal_voltage: { value: 230 } });
  house.report(says(MAINS));
  house.pass(seconds(2));
  expect(house.shown()).toMatchObject(GOOD);
});
