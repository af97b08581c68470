import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { variablesOf } from '../../src/domain/reading.ts';
import { nutDumps } from '../kit/corpus.ts';
import { dumpUps, parseDump } from '../kit/dump.ts';
import { startFakeUpsd } from '../kit/fake-upsd.ts';
import { FakeUps } from '../kit/fake-upsd-ups.ts';
import { isInventory, isReadings, startWatching } from './nut-watching.ts';

const dumps = nutDumps();

test.skipIf(dumps.length === 0)('every recorded device reads as it was recorded', { timeout: 60_000 }, async () => {
  const ups = Object.fromEntries(
    dumps.map((path, index) => [`d${index}`, dumpUps(parseDump(readFileSync(path, 'utf8')), basename(path))]),
  );
  const server = await startFakeUpsd({ ups });
  const watch = startWatching({ port: server.port, timeout: '10s', interval: '60s', interval_on_battery: '60s' });
  try {
    const { readings } = await watch.until(isReadings);
    const waiting = [...watch.reports].filter(({ kind }) => kind === 'device-trouble');
    expect(waiting).toEqual([]);
    expect(readings.size).toBe(dumps.length);
    for (const [name, definition] of Object.entries(ups)) {
      // What upsd makes of the recorded values on their way (it drops what is not ASCII) is the fake's own affair.
      const shown = new FakeUps(name, definition);
      const pairs = shown.names().map((variable) => [variable, shown.value(variable) ?? ''] as const);
      expect(Object.fromEntries(readings.get(name)?.variables ?? []), definition.desc).toEqual(
        Object.fromEntries(variablesOf(pairs)),
      );
    }
    for (const name of Object.keys(ups)) {
      const { inventory } = await watch.until(
        (report): report is Extract<typeof report, { kind: 'inventory' }> =>
          isInventory(report) && report.address.name === name,
      );
      expect(inventory.commands.length).toBe(
        new Set(parseDump(readFileSync(dumps[Number(name.slice(1))] ?? '', 'utf8')).commands).size,
      );
    }
  } finally {
    await watch.stop();
    await server.stop();
  }
});
