import {
  becomes,
  by,
  DEAD,
  discharges,
  HOUR,
  LOW,
  losesDriver,
  SAME,
  type Scenario,
  SILENT,
  SOON,
  status,
  unmoved,
} from './upsmon-scenario.ts';

/** Of nut.md 2.6: what upsmon was measured to do. */
const MEASURED: readonly Scenario[] = [
  { id: 'ob_lb', name: '**OB LB**', play: becomes('OB LB'), upsmon: SOON, ours: LOW, choice: SAME },
  unmoved('ob', '**OB**', 'OB', { ...status('OL'), ...HOUR }),
  {
    id: 'ob_upsd_killed',
    name: 'OB, 6 s later **upsd is killed**',
    ownServer: true,
    play: async (scene) => {
      await scene.set(status('OB'));
      await scene.wait(6);
      scene.fault();
      await scene.killServer();
      await scene.killDriver();
    },
    upsmon: DEAD,
    ours: SILENT,
    choice: SAME,
  },
  {
    id: 'ol_upsd_killed',
    name: 'OL, and **upsd is killed**',
    ownServer: true,
    play: async (scene) => {
      scene.fault();
      await scene.killServer();
      await scene.killDriver();
    },
    upsmon: 'never',
    ours: 'never',
    choice: SAME,
  },
  {
    id: 'ob_frozen',
    name: 'OB, 6 s later **its driver freezes**',
    play: async (scene) => {
      await scene.set(status('OB'));
      await scene.wait(6);
      scene.fault();
      scene.freezeDriver();
    },
    upsmon: [24, 47],
    ours: by('dead', 24, 38),
    choice: SAME,
  },
  {
    id: 'blip',
    name: '**OB LB** for half a second, then OL',
    play: async (scene) => {
      await scene.upsmonHasLooked();
      scene.fault();
      await scene.set(status('OB LB'));
      await scene.wait(0.5);
      await scene.set(status('OL'));
    },
    upsmon: 'never',
    ours: 'never',
    choice: SAME,
  },
  unmoved('cal', '**CAL OB LB**', 'CAL OB LB'),
  {
    id: 'fsd',
    name: 'OL, and **another client sets FSD**',
    play: async (scene) => {
      scene.fault();
      await scene.forceShutdown();
    },
    upsmon: SOON,
    ours: by('fsd', 0, 4),
    choice: SAME,
  },
  unmoved('off', '**OFF**', 'OFF'),
  unmoved('lb', '**LB** alone', 'LB'),
  unmoved('ol_lb', '**OL LB**', 'OL LB'),
  {
    id: 'watch_only',
    name: '**OB LB** of a UPS that is only watched (powervalue 0; in no group)',
    watchOnly: true,
    play: becomes('OB LB'),
    upsmon: 'never',
    ours: 'never',
    choice: SAME,
  },
];

/** Words of a status that have misled others. */
const WORDS: readonly Scenario[] = [
  unmoved('ol_ob', '**OL OB**', 'OL OB'),
  { id: 'ol_ob_lb', name: '**OL OB LB**', play: becomes('OL OB LB'), upsmon: SOON, ours: LOW, choice: SAME },
  unmoved('ob_off_ob', '**OB OFF OB**', 'OB OFF OB', { ...status('OL'), ...HOUR }),
  {
    id: 'ol_off',
    name: '**OL OFF** for 5 s, a self-test of some devices',
    play: async (scene) => {
      scene.fault();
      await scene.set(status('OL OFF'));
      await scene.wait(5);
      await scene.set(status('OL'));
    },
    upsmon: 'never',
    ours: 'never',
    choice: SAME,
  },
  unmoved('empty_on_mains', 'OL, then **an empty status**', ''),
  {
    id: 'empty_on_battery',
    name: 'OB, 6 s later **an empty status**',
    play: async (scene) => {
      await scene.set(status('OB'));
      await scene.wait(6);
      scene.fault();
      await scene.set(status(''));
    },
    upsmon: DEAD,
    ours: SILENT,
    choice: SAME,
  },
  {
    id: 'ol_dischrg',
    name: '**OL DISCHRG** with 230 V and a falling charge',
    start: { ...status('OL'), 'battery.charge': '100', 'input.voltage': '230' },
    play: async (scene) => {
      scene.fault();
      await scene.set(status('OL DISCHRG'));
      await discharges(scene);
    },
    upsmon: 'never',
    ours: 'never',
    choice: SAME,
  },
  {
    id: 'unsaid_outage',
    name: '**OL DISCHRG** with 0 V and a falling charge',
    start: { ...status('OL'), 'battery.charge': '100', 'input.voltage': '230' },
    play: async (scene) => {
      scene.fault();
      await scene.set({ ...status('OL DISCHRG'), 'input.voltage': '0' });
      await discharges(scene);
    },
    upsmon: 'never',
    ours: by('charge_below', 68, 80),
    choice: 'some drivers never say OB: no voltage and a charge that falls for a minute are an outage',
  },
  {
    id: 'cal_lingers',
    name: '**CAL OB LB** with 0 V',
    start: { ...status('OL'), 'input.voltage': '230' },
    play: async (scene) => {
      scene.fault();
      await scene.set({ ...status('CAL OB LB'), 'input.voltage': '0' });
    },
    upsmon: 'never',
    ours: LOW,
    choice: 'a calibration empties the battery while the mains are there; where nothing comes in it is an outage',
  },
  {
    id: 'cal_before',
    name: 'OL CAL, 6 s later **OB LB**',
    play: async (scene) => {
      await scene.set(status('OL CAL'));
      await scene.wait(6);
      await becomes('OB LB')(scene);
    },
    upsmon: 'never',
    ours: LOW,
    choice: 'a calibration counts only in the status that says so; upsmon 2.8.0 does not forget one',
  },
];

/** Something is not there for a while, or for good. */
const SILENCE: readonly Scenario[] = [
  ...(['ALARM', 'BYPASS', 'OFF', 'CAL'] as const).map(
    (word): Scenario => ({
      id: `ol_${word.toLowerCase()}_lost`,
      name: `OL ${word}, 6 s later **its driver is killed**`,
      play: losesDriver(`OL ${word}`, 6),
      upsmon: 'never',
      ours: 'never',
      choice: SAME,
    }),
  ),
  {
    id: 'cal_lost',
    name: 'CAL OB, 6 s later **its driver is killed**',
    play: losesDriver('CAL OB', 6),
    upsmon: 'never',
    ours: SILENT,
    choice:
      'a calibration that nobody can watch any more empties the battery unseen; later versions of upsmon go as well',
  },
  {
    id: 'driver_back_soon',
    name: 'OB, **its driver is killed** and started again at once',
    play: async (scene) => {
      await scene.set(status('OB'));
      await scene.wait(6);
      scene.fault();
      await scene.killDriver();
      await scene.startDriver(status('OB'));
    },
    upsmon: 'never',
    ours: 'never',
    choice: SAME,
  },
  {
    id: 'driver_back_late',
    name: 'OB with an hour left, **its driver is killed** and started again 25 s later',
    start: { ...status('OL'), ...HOUR },
    play: async (scene) => {
      await scene.set(status('OB'));
      await scene.wait(6);
      scene.fault();
      await scene.killDriver();
      await scene.wait(25);
      await scene.startDriver({ ...status('OB'), ...HOUR });
    },
    upsmon: DEAD,
    ours: 'never',
    choice:
      'a USB reset at the moment of the outage is a common false alarm: with plenty of runtime 60 s of silence are waited out',
  },
  {
    id: 'driver_gone',
    name: 'OB with an hour left, **its driver is killed**',
    start: { ...status('OL'), ...HOUR },
    play: losesDriver('OB', 6),
    upsmon: DEAD,
    ours: by('dead', 58, 68),
    choice: 'later: with plenty of runtime the silence has to last 60 s (`dead_after`)',
  },
  {
    id: 'upsd_restarted',
    name: 'OL, and **upsd is restarted** within 3 s',
    ownServer: true,
    play: async (scene) => {
      scene.fault();
      await scene.killServer();
      await scene.wait(2);
      await scene.startServer();
    },
    upsmon: 'never',
    ours: 'never',
    choice: SAME,
  },
  {
    id: 'ob_lb_at_start',
    name: '**OB LB** that stands there when both start',
    start: status('OB LB'),
    play: async () => {},
    upsmon: SOON,
    ours: by('low_battery', 4.5, 14),
    choice: SAME,
  },
  {
    id: 'fsd_at_start',
    name: '**FSD OL** that stands there when both start',
    start: status('FSD OL'),
    play: async () => {},
    upsmon: SOON,
    ours: 'never',
    choice:
      'upsd latches FSD until it is restarted: a host that has just come back on mains would go down again and again; told instead',
  },
];

/** What upsmon leaves to the device, it does itself; and what several UPSes come to. */
const GAUGES_AND_PAIRS: readonly Scenario[] = [
  {
    id: 'charge',
    name: 'OB, **the charge falls below 20 %**, without LB',
    start: { ...status('OL'), 'battery.charge': '24' },
    play: async (scene) => {
      await scene.set(status('OB'));
      await scene.wait(12);
      scene.fault();
      await scene.set({ 'battery.charge': '19' });
    },
    upsmon: 'never',
    ours: by('charge_below', 4.5, 11),
    choice: 'upsmon knows no thresholds and waits for LB, which some devices never set',
  },
  {
    id: 'runtime',
    name: 'OB, **the runtime falls below what the plan needs**, without LB',
    start: { ...status('OL'), 'battery.runtime': '300' },
    play: async (scene) => {
      await scene.set(status('OB'));
      await scene.wait(12);
      scene.fault();
      await scene.set({ 'battery.runtime': '70' });
    },
    upsmon: 'never',
    ours: by('runtime_below', 4.5, 11),
    choice: 'what is shut down has to fit into the time that is left, whether or not the device says LB',
  },
  {
    id: 'no_gauges',
    name: '**OB** without charge and runtime',
    play: becomes('OB'),
    upsmon: 'never',
    ours: { ...by('on_battery_for', 590, 611), inSight: true },
    choice: 'where nothing tells how long the battery lasts, 10 min are all that can be relied on',
  },
  {
    id: 'mains_back',
    name: '**OB LB**, 16 s later OL',
    play: async (scene) => {
      scene.fault();
      await scene.set(status('OB LB'));
      await scene.wait(16);
      await scene.set(status('OL'));
    },
    upsmon: SOON,
    ours: { ...LOW, calledOff: true },
    choice: 'what has not been done by the time the mains have held is not done; upsmon takes nothing back',
  },
  {
    id: 'one_of_two',
    name: 'Two UPSes, one is enough: **one OB LB**',
    pair: true,
    play: async (scene) => {
      scene.fault();
      await scene.set(status('OB LB'), 'a');
    },
    upsmon: 'never',
    ours: 'never',
    choice: SAME,
  },
  {
    id: 'both_of_two',
    name: 'Two UPSes, one is enough: one OB LB, 12 s later **the other as well**',
    pair: true,
    play: async (scene) => {
      await scene.set(status('OB LB'), 'a');
      await scene.wait(12);
      scene.fault();
      await scene.set(status('OB LB'), 'b');
    },
    upsmon: SOON,
    ours: LOW,
    choice: SAME,
  },
  {
    id: 'other_gone',
    name: 'Two UPSes, one is enough: the driver of one is killed on mains, 20 s later **the other OB LB**',
    pair: true,
    play: async (scene) => {
      await scene.killDriver('a');
      await scene.wait(20);
      scene.fault();
      await scene.set(status('OB LB'), 'b');
    },
    upsmon: 'never',
    ours: LOW,
    choice:
      'a UPS that nobody hears is not counted on once the other gives out; upsmon takes it to be on mains for ever',
  },
  {
    id: 'other_off',
    name: 'Two UPSes, one is enough: one OL OFF, 33 s later **the other OB LB**',
    pair: true,
    play: async (scene) => {
      await scene.set(status('OL OFF'), 'a');
      await scene.wait(33);
      scene.fault();
      await scene.set(status('OB LB'), 'b');
    },
    upsmon: 'never',
    ours: LOW,
    choice: 'a UPS whose output is off feeds nothing; later versions of upsmon count it as lost as well',
  },
];

/** In the order of the table in docs/upsmon.md. */
export const SCENARIOS: readonly Scenario[] = [...MEASURED, ...WORDS, ...SILENCE, ...GAUGES_AND_PAIRS];
