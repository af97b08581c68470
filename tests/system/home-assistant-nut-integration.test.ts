import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { corpusFolder } from '../kit/corpus.ts';
import { type Gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { type HomeAssistant, type RegistryEntity, startHomeAssistant } from '../kit/home-assistant.ts';
import { announcements, waitUntilRegistered } from '../kit/home-assistant-announced.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { describeWith } from '../kit/presence.ts';
import { startUpsd, type Upsd, type UpsSpec } from '../kit/upsd.ts';

/** A device with what recorded ones lack: a status word that nobody knows, words of newer drivers, a missing sensor. */
const ODD: UpsSpec = {
  dev: {
    'ambient.present': 'no',
    'ambient.temperature': '21.0',
    'battery.charge': '64',
    'battery.charger.status': 'floating',
    'battery.runtime': '1800',
    'input.voltage': '229.9',
    'ups.beeper.status': 'muted',
    'ups.load': '0',
    'ups.mfr': 'Odd',
    'ups.status': 'OL ECO XYZZY',
  },
};

/** Recorded devices by the name they get here: makers, drivers, phases, outlets, sensors and states of all kinds. */
const DUMPS: Readonly<Record<string, string>> = {
  aphel: 'Eaton__ePDU_Managed_Aphel__snmp-ups__2.6.1__01',
  ats: 'Eaton__ATS_230V_16A__snmp-ups__2.7.4__01',
  backups: 'APC__Back-UPS_XS_1000M__usbhid-ups__2.7.4.1__01',
  bypassed: 'Digitus__DN-170041__nutdrv_qx__2.7.4__01',
  cyberpower: 'Cyber_Power_Systems__CP1500PFCLCD__usbhid-ups__2.7.4__01',
  eaton5px: 'Eaton__5PX_2000__usbhid-ups__2.7.4__01',
  eaton5sc: 'Eaton__5SC_750__usbhid-ups__2.7.2__01',
  eaton9395: 'Eaton__9395__snmp-ups__2.4.3__01',
  eaton9px: 'Eaton__9PX__netxml-ups__2.7.4__03',
  epdu: 'Eaton__EPDU_MI_38U-A__snmp-ups__2.7.4__01',
  liebert: 'Liebert__NXe_20kVA__liebert-esp2__2.4.3__02',
  onbattery: 'APC__Smart-UPS_1000__snmp-ups__2.7.4__01',
  pijuice: 'PiSupply__PiJuice_HAT__pijuice__2.8.0__01',
  pulsar: 'MGE_UPS_SYSTEMS__Pulsar_1500__mge-shut__2.6.5__01',
  raritan: 'Raritan__PX2-1486__snmp-ups__2.7.4-12-gf1a0d64__01',
  silcon: 'APC__Silcon_120kW_3-3__snmp-ups__2.1.0__01',
  smartups: 'APC__Smart-UPS_1500_XLM__snmp-ups__2.4.1__02',
  tripplite: 'Tripp_Lite__SMART1000LCD__usbhid-ups__2.4.3__01',
  trippliteSnmp: 'Tripp_Lite__SU2200RTXL2Ua__snmp-ups__2.7.4__01',
};

/** What is told of one entity, as far as the two sides must agree. */
interface Shown {
  readonly name: string | null;
  readonly unit: unknown;
  readonly deviceClass: unknown;
  readonly stateClass: unknown;
  readonly category: string | null;
  readonly enabled: boolean;
  readonly value: string | number;
}

/** Where the two sides differ on purpose, and why. */
const DELIBERATE: readonly {
  readonly variable: RegExp;
  readonly field: keyof Shown;
  readonly why: string;
  readonly theirs: (value: unknown) => boolean;
}[] = [
  {
    variable: /^(?:battery\.packs(?:\.bad)?|(?:input|output|input\.bypass)\.phases)$/,
    field: 'unit',
    why: 'their unit is a word that Home Assistant translates; a discovery message cannot, so ours is a plain count',
    theirs: (unit) => unit === 'packs' || unit === 'phase',
  },
  {
    variable: /^outlet\.\d+\./,
    field: 'name',
    why: 'theirs follows what the device calls the outlet ("Outlet Outlet A1 current"); ours keeps the number',
    theirs: (name) => typeof name === 'string' && name.startsWith('Outlet '),
  },
  {
    variable: /^ups\.status\.display$/,
    field: 'value',
    why: 'one word they do not know makes their whole status unknown; ours shows the word as it came',
    theirs: (value) => value === 'unknown',
  },
];

/** Whether both say the same, but for what differs on purpose. */
function agree(variable: string, theirs: Shown, ours: Shown): boolean {
  const fields = Object.keys(theirs) as (keyof Shown)[]; // an object literal of exactly these
  return fields.every(
    (field) =>
      theirs[field] === ours[field] ||
      DELIBERATE.some((one) => one.field === field && one.variable.test(variable) && one.theirs(theirs[field])),
  );
}

describeWith(['home-assistant', 'mosquitto', 'upsd'], "Home Assistant's own NUT integration beside ours", () => {
  const folder = corpusFolder();
  const dumps = Object.entries(DUMPS).map(([name, file]) => [name, join(folder ?? '', 'nut', `${file}.dev`)] as const);
  const present = folder !== undefined && dumps.every(([, file]) => existsSync(file));
  const names = ['odd', ...(present ? Object.keys(DUMPS) : [])];
  let broker: Mosquitto;
  let upsd: Upsd;
  let gridwarden: Gridwarden;
  let home: HomeAssistant;
  /** The entity registry before anything was enabled. */
  let registered: readonly RegistryEntity[];

  beforeAll(async () => {
    const ups: Record<string, UpsSpec> = { odd: ODD };
    for (const [name, file] of present ? dumps : []) ups[name] = { dev: await readFile(file, 'utf8') };
    [broker, upsd] = await Promise.all([startMosquitto(), startUpsd({ ups })]);
    gridwarden = await startGridwarden({
      config: {
        node: 't',
        mqtt: { url: broker.url },
        sources: { nas: { nut: { host: '127.0.0.1', port: upsd.port } } },
      },
    });
    const nut = names.map((alias) => ({ port: upsd.port, alias }));
    home = await startHomeAssistant({ mqttPort: broker.port, nut });
    const identifiers = names.map((name) => `gridwarden_t_${name.toLowerCase()}`);
    await waitUntilRegistered(home, (await announcements(broker.port, identifiers)).values());
    registered = await home.entities();
    const pairs = names.flatMap((name) =>
      theirsOf(name).map((their) => ({ their, our: oursOf(name, variableOf(their)) })),
    );
    const both = pairs.flatMap(({ their, our }) => [their, our ?? []].flat()).map(({ entity_id }) => entity_id);
    await home.enableEntities(both);
    await Promise.all(both.map((id) => home.waitForState(id, (state) => state !== undefined, 30_000)));
    // Both sides were loaded anew; whatever is still unknown when the time is over, the comparison tells.
    const known = pairs.map(({ our }) => our && home.waitForState(our.entity_id, isKnown, 20_000));
    await Promise.allSettled(known);
  }, 240_000);
  afterAll(async () => {
    await gridwarden?.dispose();
    await home?.dispose();
    await Promise.all([broker?.dispose(), upsd?.stop()]);
  });

  const title = (name: string) => (present || name === 'odd' ? name : `${name} [SKIPPED: no recorded devices]`);
  for (const name of ['odd', ...Object.keys(DUMPS)]) {
    test.skipIf(name !== 'odd' && !present)(
      `${title(name)}: each of its entities has one of ours`,
      async () => {
        const entry = home.nutEntries[names.indexOf(name)];
        const theirs = registered.filter(({ config_entry_id }) => config_entry_id === entry);
        expect(theirs.length).toBeGreaterThan(3);
        const differences: object[] = [];
        for (const their of theirs) {
          const variable = variableOf(their);
          const our = oursOf(name, variable);
          const [a, b] = [await shown(their), our && (await shown(our))];
          if (b === undefined || !agree(variable, a, b)) differences.push({ variable, theirs: a, ours: b });
        }
        expect(differences).toEqual([]);
      },
      60_000,
    );
  }

  test('hides a sensor that the device says is not there, and shows a status with an unknown word', async () => {
    expect(oursOf('odd', 'ambient.temperature')).toBeUndefined();
    const display = oursOf('odd', 'ups.status.display');
    expect(home.state(display?.entity_id ?? '')?.state).toBe('Online, ECO Mode, XYZZY');
  });

  test('has nothing to complain of', () => {
    expect(home.complaints()).toEqual([]);
  });

  function theirsOf(name: string): readonly RegistryEntity[] {
    const entry = home.nutEntries[names.indexOf(name)];
    return registered.filter(({ config_entry_id }) => config_entry_id === entry);
  }

  function variableOf({ unique_id }: RegistryEntity): string {
    const [, variable] = /^.*_((?:ambient|battery|device|input|outlet|output|ups)\.[\w.-]+)$/.exec(unique_id) ?? [];
    if (variable === undefined) throw new Error(`${unique_id} names no variable`);
    return variable;
  }

  function oursOf(name: string, variable: string): RegistryEntity | undefined {
    const key = variable.toLowerCase().replace(/[^a-z0-9]+/g, '_');
    const id = `gridwarden_t_${name.toLowerCase()}_${key}`;
    return registered.find(({ unique_id, platform }) => platform === 'mqtt' && unique_id === id);
  }

  async function shown(row: RegistryEntity): Promise<Shown> {
    await home.waitForState(row.entity_id, (one) => one !== undefined && one.state !== 'unavailable');
    const { attributes = {}, state = '' } = home.state(row.entity_id) ?? {};
    // Theirs keeps blanks at the end, which ours cuts off.
    const text = state.trim();
    return {
      name: row.original_name,
      unit: attributes['unit_of_measurement'],
      deviceClass: attributes['device_class'],
      stateClass: attributes['state_class'],
      category: row.entity_category,
      enabled: row.disabled_by === null,
      value: text === '' || Number.isNaN(Number(text)) ? text : Number(text),
    };
  }
});

const isKnown = (state: { readonly state: string } | undefined): boolean =>
  state !== undefined && state.state !== 'unknown' && state.state !== 'unavailable';
