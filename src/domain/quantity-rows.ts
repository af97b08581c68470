import type { Quantity } from './quantity.ts';
import { TROUBLE_KINDS } from './trouble.ts';

/**
 * The table behind `quantityOf`: one row a variable, one pattern for what comes numbered or in phases.
 *
 * Names, units, classes, categories and defaults are those of Home Assistant's own NUT integration where it knows
 * the variable, so that either can replace the other; the rest follows NUT's docs/nut-names.txt.
 */
type Show = Pick<Quantity, 'diagnostic' | 'enabled'>;
type More = Partial<Quantity>;

const SHOWN: Show = { diagnostic: false, enabled: true };
const OPTIONAL: Show = { diagnostic: false, enabled: false };
const DIAGNOSTIC: Show = { diagnostic: true, enabled: true };
const HIDDEN: Show = { diagnostic: true, enabled: false };

/** `MEASURED` values change by themselves and have statistics; `RATED` ones are settings and nameplates. */
const MEASURED: More = { stateClass: 'measurement', measured: true };
const RATED: More = {};

const CONNECTION = ['connected', ...TROUBLE_KINDS];
const LEVELS = ['good', 'warning-low', 'critical-low', 'warning-high', 'critical-high'];

const number = (label: string, show: Show, more: More = {}): Quantity => ({
  kind: 'number',
  label,
  measured: false,
  ...show,
  ...more,
});
const text = (label: string, show: Show): Quantity => ({ kind: 'text', label, measured: false, ...show });
const choice = (label: string, show: Show, options: readonly string[]): Quantity => ({
  kind: 'enum',
  deviceClass: 'enum',
  label,
  options,
  measured: false,
  ...show,
});

type Measure = (label: string, show: Show, nature: More, more?: More) => Quantity;
const inUnit =
  (base: More): Measure =>
  (label, show, nature, more = {}) =>
    number(label, show, { ...base, ...nature, ...more });

const volts = inUnit({ unit: 'V', deviceClass: 'voltage', min: 0, max: 1000 });
const amperes = inUnit({ unit: 'A', deviceClass: 'current', min: 0, max: 2000 });
const watts = inUnit({ unit: 'W', deviceClass: 'power', min: 0, max: 1_000_000 });
const voltAmperes = inUnit({ unit: 'VA', deviceClass: 'apparent_power', min: 0, max: 1_000_000 });
const hertz = inUnit({ unit: 'Hz', deviceClass: 'frequency', min: 0, max: 500 });
const celsius = inUnit({ unit: '°C', deviceClass: 'temperature', min: -40, max: 150 });
const percent = inUnit({ unit: '%', min: 0, max: 100 });
const span = inUnit({ unit: 's', deviceClass: 'duration', min: 0, max: 604_800 });
const energy = inUnit({ unit: 'kWh', deviceClass: 'energy', min: 0, max: 1_000_000_000, measured: true });
const factor = (label: string, show: Show): Quantity =>
  number(label, show, { deviceClass: 'power_factor', stateClass: 'measurement', measured: true, min: 0, max: 1 });

const NAMED: readonly (readonly [string, Quantity])[] = [
  ['power', watts('Power', SHOWN, MEASURED)],
  ['power.basis', choice('Power basis', HIDDEN, ['measured', 'load', 'apparent'])],
  ['mains', choice('Mains power', SHOWN, ['on', 'off'])],
  ['connection', choice('Connection', DIAGNOSTIC, CONNECTION)],
  ['ambient.humidity', percent('Ambient humidity', DIAGNOSTIC, MEASURED, { deviceClass: 'humidity' })],
  ['ambient.humidity.high', percent('Ambient humidity high limit', HIDDEN, RATED)],
  ['ambient.humidity.low', percent('Ambient humidity low limit', HIDDEN, RATED)],
  ['ambient.humidity.status', choice('Ambient humidity status', DIAGNOSTIC, LEVELS)],
  ['ambient.present', text('Ambient sensor present', HIDDEN)],
  ['ambient.temperature', celsius('Ambient temperature', DIAGNOSTIC, MEASURED)],
  ['ambient.temperature.high', celsius('Ambient temperature high limit', HIDDEN, RATED)],
  ['ambient.temperature.low', celsius('Ambient temperature low limit', HIDDEN, RATED)],
  ['ambient.temperature.status', choice('Ambient temperature status', DIAGNOSTIC, LEVELS)],
  ['battery.alarm.threshold', text('Battery alarm threshold', HIDDEN)],
  ['battery.capacity', number('Battery capacity', HIDDEN, { unit: 'Ah', min: 0, max: 100_000 })],
  ['battery.capacity.nominal', number('Nominal battery capacity', HIDDEN, { unit: 'Ah', min: 0, max: 100_000 })],
  ['battery.charge', percent('Battery charge', SHOWN, MEASURED, { deviceClass: 'battery' })],
  ['battery.charge.approx', text('Battery charge, rough', HIDDEN)],
  ['battery.charge.low', percent('Low battery setpoint', HIDDEN, RATED)],
  ['battery.charge.restart', percent('Minimum battery to start', HIDDEN, RATED)],
  ['battery.charge.warning', percent('Warning battery setpoint', HIDDEN, RATED)],
  [
    'battery.charger.status',
    choice('Charging status', SHOWN, [
      'charged',
      'charging',
      'discharging',
      'floating',
      'resting',
      'unknown',
      'disabled',
      'off',
    ]),
  ],
  ['battery.current', amperes('Battery current', HIDDEN, MEASURED, { min: -1000 })],
  ['battery.current.total', amperes('Total battery current', HIDDEN, RATED, { min: -1000 })],
  ['battery.date', text('Battery date', HIDDEN)],
  ['battery.energysave', text('Energy saving', HIDDEN)],
  ['battery.mfr.date', text('Battery manuf. date', HIDDEN)],
  ['battery.packs', number('Number of batteries', HIDDEN, { min: 0, max: 1000 })],
  ['battery.packs.bad', number('Number of bad batteries', HIDDEN, { min: 0, max: 1000 })],
  ['battery.protection', text('Battery deep-discharge protection', HIDDEN)],
  ['battery.runtime', span('Battery runtime', HIDDEN, RATED, { sentinels: [65_535], measured: true })],
  ['battery.runtime.low', span('Low battery runtime', HIDDEN, RATED)],
  ['battery.runtime.restart', span('Minimum battery runtime to start', HIDDEN, RATED)],
  ['battery.status', text('Battery status', HIDDEN)],
  ['battery.temperature', celsius('Battery temperature', HIDDEN, MEASURED)],
  ['battery.type', text('Battery chemistry', HIDDEN)],
  ['battery.voltage', volts('Battery voltage', HIDDEN, MEASURED)],
  ['battery.voltage.high', volts('High battery voltage', HIDDEN, RATED)],
  ['battery.voltage.low', volts('Low battery voltage', HIDDEN, RATED)],
  ['battery.voltage.nominal', volts('Nominal battery voltage', HIDDEN, RATED)],
  ['device.contact', text('Device contact', HIDDEN)],
  ['device.count', number('Devices in the chain', HIDDEN, { min: 0, max: 1000 })],
  ['device.description', text('Device description', HIDDEN)],
  ['device.location', text('Device location', HIDDEN)],
  ['device.macaddr', text('Device MAC address', HIDDEN)],
  ['device.mfr', text('Manufacturer', HIDDEN)],
  ['device.model', text('Model', HIDDEN)],
  ['device.part', text('Part number', HIDDEN)],
  ['device.serial', text('Serial number', HIDDEN)],
  ['device.type', text('Device type', HIDDEN)],
  ['device.uptime', span('Device uptime', HIDDEN, RATED, { max: 10_000_000_000, measured: true })],
  ['driver.name', text('Driver', HIDDEN)],
  ['driver.parameter.pollfreq', span('Driver parameter pollfreq', HIDDEN, RATED)],
  ['driver.parameter.pollinterval', span('Driver parameter pollinterval', HIDDEN, RATED)],
  ['driver.parameter.port', text('Driver parameter port', HIDDEN)],
  ['driver.parameter.productid', text('Driver parameter productid', HIDDEN)],
  ['driver.parameter.synchronous', text('Driver parameter synchronous', HIDDEN)],
  ['driver.parameter.vendorid', text('Driver parameter vendorid', HIDDEN)],
  ['driver.state', text('Driver state', HIDDEN)],
  ['driver.version', text('Driver version', HIDDEN)],
  ['driver.version.data', text('Driver data version', HIDDEN)],
  ['driver.version.internal', text('Driver internal version', HIDDEN)],
  ['input.bypass.current', amperes('Input bypass current', HIDDEN, MEASURED)],
  ['input.bypass.frequency', hertz('Input bypass frequency', HIDDEN, MEASURED)],
  ['input.bypass.phases', number('Input bypass phases', HIDDEN, { min: 0, max: 1000 })],
  ['input.bypass.realpower', watts('Input bypass real power', HIDDEN, MEASURED)],
  ['input.bypass.voltage', volts('Input bypass voltage', HIDDEN, MEASURED)],
  ['input.current', amperes('Input current', OPTIONAL, MEASURED)],
  ['input.current.nominal', amperes('Nominal input current', HIDDEN, RATED)],
  ['input.current.status', choice('Input current status', HIDDEN, LEVELS)],
  ['input.frequency', hertz('Input frequency', HIDDEN, MEASURED)],
  ['input.frequency.extended', text('Extended input frequency range', HIDDEN)],
  ['input.frequency.high', hertz('Input frequency high limit', HIDDEN, RATED)],
  ['input.frequency.low', hertz('Input frequency low limit', HIDDEN, RATED)],
  ['input.frequency.nominal', hertz('Input nominal frequency', HIDDEN, RATED)],
  ['input.frequency.status', choice('Input frequency status', HIDDEN, ['good', 'out-of-range'])],
  ['input.load', percent('Input load', SHOWN, MEASURED, { max: 200 })],
  ['input.phases', number('Input phases', HIDDEN, { min: 0, max: 1000 })],
  ['input.power', voltAmperes('Input power', HIDDEN, MEASURED)],
  ['input.powerfactor', factor('Input power factor', HIDDEN)],
  ['input.quality', text('Input power quality', HIDDEN)],
  ['input.realpower', watts('Input real power', HIDDEN, MEASURED)],
  ['input.sensitivity', text('Input power sensitivity', HIDDEN)],
  ['input.source', text('Input source', HIDDEN)],
  ['input.transfer.boost.high', volts('Boost transfer, high', HIDDEN, RATED)],
  ['input.transfer.boost.low', volts('Boost transfer, low', HIDDEN, RATED)],
  ['input.transfer.delay', span('Input transfer delay', HIDDEN, RATED)],
  ['input.transfer.high', volts('High voltage transfer', HIDDEN, RATED)],
  ['input.transfer.low', volts('Low voltage transfer', HIDDEN, RATED)],
  ['input.transfer.reason', text('Voltage transfer reason', HIDDEN)],
  ['input.transfer.trim.high', volts('Trim transfer, high', HIDDEN, RATED)],
  ['input.transfer.trim.low', volts('Trim transfer, low', HIDDEN, RATED)],
  ['input.voltage', volts('Input voltage', SHOWN, MEASURED)],
  ['input.voltage.extended', text('Extended input voltage range', HIDDEN)],
  ['input.voltage.fault', volts('Input voltage at the last fault', HIDDEN, MEASURED)],
  ['input.voltage.high', volts('Input voltage high limit', HIDDEN, RATED)],
  ['input.voltage.low', volts('Input voltage low limit', HIDDEN, RATED)],
  ['input.voltage.maximum', volts('Maximum input voltage', HIDDEN, MEASURED)],
  ['input.voltage.minimum', volts('Minimum input voltage', HIDDEN, MEASURED)],
  ['input.voltage.nominal', volts('Nominal input voltage', HIDDEN, RATED)],
  ['input.voltage.status', text('Input voltage status', HIDDEN)],
  ['outlet.count', number('Number of outlets', HIDDEN, { min: 0, max: 1000 })],
  ['outlet.current', amperes('Outlet current', HIDDEN, MEASURED)],
  ['outlet.desc', text('Main outlet description', HIDDEN)],
  ['outlet.frequency', hertz('Outlet frequency', HIDDEN, MEASURED)],
  ['outlet.id', text('Main outlet id', HIDDEN)],
  ['outlet.power', voltAmperes('Outlet apparent power', HIDDEN, MEASURED)],
  ['outlet.powerfactor', factor('Outlet power factor', HIDDEN)],
  ['outlet.realpower', watts('Outlet real power', HIDDEN, MEASURED)],
  ['outlet.status', choice('Main outlet status', HIDDEN, ['on', 'off'])],
  ['outlet.switchable', text('Main outlet switchable', HIDDEN)],
  ['outlet.voltage', volts('Outlet voltage', SHOWN, MEASURED)],
  ['output.current', amperes('Output current', HIDDEN, MEASURED)],
  ['output.current.maximum', amperes('Maximum output current', HIDDEN, MEASURED)],
  ['output.current.minimum', amperes('Minimum output current', HIDDEN, MEASURED)],
  ['output.current.nominal', amperes('Nominal output current', HIDDEN, RATED)],
  ['output.frequency', hertz('Output frequency', HIDDEN, MEASURED)],
  ['output.frequency.nominal', hertz('Nominal output frequency', HIDDEN, RATED)],
  ['output.phases', number('Output phases', HIDDEN, { min: 0, max: 1000 })],
  ['output.power', voltAmperes('Output apparent power', HIDDEN, MEASURED)],
  ['output.power.nominal', voltAmperes('Nominal output power', HIDDEN, RATED)],
  ['output.powerfactor', factor('Output power factor', HIDDEN)],
  ['output.realpower', watts('Output real power', HIDDEN, MEASURED)],
  ['output.realpower.nominal', watts('Nominal output real power', HIDDEN, RATED)],
  ['output.voltage', volts('Output voltage', SHOWN, MEASURED)],
  ['output.voltage.high', volts('Output voltage high limit', HIDDEN, RATED)],
  ['output.voltage.low', volts('Output voltage low limit', HIDDEN, RATED)],
  ['output.voltage.maximum', volts('Maximum output voltage', HIDDEN, MEASURED)],
  ['output.voltage.minimum', volts('Minimum output voltage', HIDDEN, MEASURED)],
  ['output.voltage.nominal', volts('Nominal output voltage', HIDDEN, RATED)],
  ['server.info', text('Server', HIDDEN)],
  ['server.version', text('Server version', HIDDEN)],
  ['ups.alarm', text('Alarms', SHOWN)],
  ['ups.beeper.status', choice('Beeper status', HIDDEN, ['enabled', 'disabled', 'muted'])],
  ['ups.contacts', text('External contacts', HIDDEN)],
  ['ups.date', text('Device date', HIDDEN)],
  ['ups.debug', text('Debug level', HIDDEN)],
  ['ups.delay.reboot', span('UPS reboot delay', HIDDEN, RATED, { min: -1, max: 2_147_483_647 })],
  ['ups.delay.shutdown', span('UPS shutdown delay', HIDDEN, RATED, { min: -1, max: 2_147_483_647 })],
  ['ups.delay.start', span('Load restart delay', HIDDEN, RATED, { min: -1, max: 2_147_483_647 })],
  ['ups.display.language', text('Language', HIDDEN)],
  ['ups.efficiency', percent('Efficiency', HIDDEN, MEASURED)],
  ['ups.firmware', text('Firmware', HIDDEN)],
  ['ups.firmware.aux', text('Auxiliary firmware', HIDDEN)],
  ['ups.id', text('System identifier', HIDDEN)],
  ['ups.load', percent('Load', SHOWN, MEASURED, { max: 200 })],
  ['ups.load.high', percent('Overload setting', HIDDEN, RATED, { max: 200 })],
  ['ups.mfr', text('UPS manufacturer', HIDDEN)],
  ['ups.mfr.date', text('UPS manufacturing date', HIDDEN)],
  ['ups.mode', text('Operating mode', HIDDEN)],
  ['ups.model', text('UPS model', HIDDEN)],
  ['ups.power', voltAmperes('Apparent power', HIDDEN, MEASURED)],
  ['ups.power.nominal', voltAmperes('Nominal power', HIDDEN, RATED)],
  ['ups.powerfactor', factor('UPS power factor', HIDDEN)],
  ['ups.productid', text('USB product id', HIDDEN)],
  ['ups.realpower', watts('Real power', HIDDEN, MEASURED)],
  ['ups.realpower.nominal', watts('Nominal real power', HIDDEN, RATED)],
  ['ups.serial', text('UPS serial number', HIDDEN)],
  ['ups.shutdown', text('Shutdown ability', HIDDEN)],
  ['ups.start.auto', text('Start on AC', HIDDEN)],
  ['ups.start.battery', text('Start on battery', HIDDEN)],
  ['ups.start.reboot', text('Reboot on battery', HIDDEN)],
  ['ups.status', text('Status data', SHOWN)],
  ['ups.status.display', text('Status', SHOWN)],
  ['ups.temperature', celsius('UPS temperature', HIDDEN, MEASURED)],
  ['ups.temperature.high', celsius('UPS temperature limit', HIDDEN, RATED)],
  ['ups.test.date', text('Self-test date', HIDDEN)],
  ['ups.test.interval', span('Self-test interval', HIDDEN, RATED)],
  ['ups.test.result', text('Self-test result', HIDDEN)],
  ['ups.time', text('Device time', HIDDEN)],
  ['ups.timer.reboot', span('Load reboot timer', HIDDEN, RATED, { min: -1, max: 2_147_483_647 })],
  ['ups.timer.shutdown', span('Load shutdown timer', HIDDEN, RATED, { min: -1, max: 2_147_483_647 })],
  ['ups.timer.start', span('Load start timer', HIDDEN, RATED, { min: -1, max: 2_147_483_647 })],
  ['ups.type', text('UPS type', HIDDEN)],
  ['ups.vendorid', text('USB vendor id', HIDDEN)],
  ['ups.watchdog.status', text('Watchdog status', HIDDEN)],
];

export const ROWS: ReadonlyMap<string, Quantity> = new Map(NAMED);

interface Pattern {
  readonly match: RegExp;
  readonly row: (first: string, second: string) => Quantity;
}

/** A line of a three-phase device: `L1`, `L1-N`, `L1-L2`; `N` alone for the neutral. */
const PHASE = '(L[123](?:-(?:N|L[123]))?|N)';
const pattern = (shape: string, row: Pattern['row']): Pattern => ({ match: new RegExp(`^${shape}$`), row });

/** Home Assistant's NUT integration calls the voltage of `input.L1-N` "Input L1 voltage", of the bypass "Input bypass L1-N voltage". */
const short = (phase: string): string => phase.replace(/-N$/, '');
const bank = (side: string): string =>
  side === 'input.bypass' ? 'Input bypass' : side === 'input' ? 'Input' : 'Output';
const SIDE = '(input|output|input\\.bypass)';

export const PATTERNS: readonly Pattern[] = [
  pattern(`${SIDE}\\.${PHASE}\\.voltage`, (side, phase) =>
    volts(`${bank(side)} ${side === 'input' ? short(phase) : phase} voltage`, HIDDEN, MEASURED),
  ),
  pattern(`${SIDE}\\.${PHASE}\\.voltage\\.(?:minimum|maximum|nominal)`, (side, phase) =>
    volts(`${bank(side)} ${phase} voltage limit`, HIDDEN, RATED),
  ),
  pattern(`${SIDE}\\.${PHASE}\\.current`, (side, phase) => amperes(`${bank(side)} ${phase} current`, HIDDEN, MEASURED)),
  pattern(`${SIDE}\\.${PHASE}\\.frequency`, (side, phase) =>
    hertz(`${bank(side)} ${phase} line frequency`, HIDDEN, MEASURED),
  ),
  pattern(`${SIDE}\\.${PHASE}\\.realpower`, (side, phase) =>
    watts(`${bank(side)} ${phase} real power`, HIDDEN, MEASURED),
  ),
  pattern(`${SIDE}\\.${PHASE}\\.power`, (side, phase) =>
    voltAmperes(`${bank(side)} ${phase} apparent power`, HIDDEN, MEASURED),
  ),
  pattern(`${SIDE}\\.${PHASE}\\.power\\.percent`, (side, phase) =>
    percent(`${bank(side)} ${phase} power usage`, HIDDEN, RATED, { max: 200, measured: true }),
  ),
  pattern(`${SIDE}\\.${PHASE}\\.powerfactor`, (side, phase) => factor(`${bank(side)} ${phase} power factor`, HIDDEN)),
  pattern(`${SIDE}\\.${PHASE}\\.load`, (side, phase) =>
    percent(`${bank(side)} ${phase} load`, HIDDEN, MEASURED, { max: 200 }),
  ),
  pattern('outlet\\.(\\d+)\\.current', (n) => amperes(`Outlet ${n} current`, SHOWN, MEASURED)),
  pattern('outlet\\.(\\d+)\\.voltage', (n) => volts(`Outlet ${n} voltage`, HIDDEN, MEASURED)),
  pattern('outlet\\.(\\d+)\\.power', (n) => voltAmperes(`Outlet ${n} apparent power`, SHOWN, MEASURED)),
  pattern('outlet\\.(\\d+)\\.realpower', (n) => watts(`Outlet ${n} real power`, SHOWN, MEASURED)),
  pattern('outlet\\.(\\d+)\\.energy', (n) => energy(`Outlet ${n} energy`, HIDDEN, { stateClass: 'total_increasing' })),
  pattern('outlet\\.(\\d+)\\.powerfactor', (n) => factor(`Outlet ${n} power factor`, HIDDEN)),
  pattern('outlet\\.(\\d+)\\.frequency', (n) => hertz(`Outlet ${n} frequency`, HIDDEN, MEASURED)),
  pattern('outlet\\.(\\d+)\\.current[._]status', (n) => text(`Outlet ${n} current status`, HIDDEN)),
  pattern('outlet\\.(\\d+)\\.desc', (n) => text(`Outlet ${n} description`, SHOWN)),
  pattern('outlet\\.(\\d+)\\.name', (n) => text(`Outlet ${n} name`, HIDDEN)),
  pattern('outlet\\.(\\d+)\\.status', (n) => text(`Outlet ${n} status`, HIDDEN)),
  pattern('outlet\\.(\\d+)\\.(id|switchable|type|groupid)', (n, what) => text(`Outlet ${n} ${what}`, HIDDEN)),
  pattern('outlet\\.(\\d+)\\.(?:delay|timer)\\.(start|shutdown|reboot)', (n, what) =>
    number(`Outlet ${n} ${what} delay`, HIDDEN, { unit: 's', deviceClass: 'duration', min: -1, max: 2_147_483_647 }),
  ),
  pattern('outlet\\.(\\d+)\\.autoswitch\\.charge\\.low', (n) => percent(`Outlet ${n} off below charge`, HIDDEN, RATED)),
  pattern('ambient\\.(\\d+)\\.temperature', (n) => celsius(`Ambient ${n} temperature`, DIAGNOSTIC, MEASURED)),
  pattern('ambient\\.(\\d+)\\.humidity', (n) =>
    percent(`Ambient ${n} humidity`, DIAGNOSTIC, MEASURED, { deviceClass: 'humidity' }),
  ),
  pattern('ambient\\.(\\d+)\\.(temperature|humidity)\\.status', (n, what) =>
    choice(`Ambient ${n} ${what} status`, DIAGNOSTIC, LEVELS),
  ),
  pattern('ambient\\.(\\d+)\\.(name|present|id|address|contacts\\.\\d+\\.status)', (n, what) =>
    text(`Ambient ${n} ${what}`, HIDDEN),
  ),
];
