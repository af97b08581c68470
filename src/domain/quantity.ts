/**
 * One thing a device can report or we can derive: how it is named, measured, bounded and shown.
 *
 * Sensors, metrics, payloads and checks all come from these rows. Bounds gate judgement, not display.
 */
export interface Quantity {
  readonly label: string;
  /** `number`: published as a number, null where the device's text is none. `enum`: one of `options`. `text`: as it came. */
  readonly kind: 'number' | 'text' | 'enum';
  /** Home Assistant's spelling: V, A, W, VA, Hz, °C, %, s, Ah, kWh. Absent for plain counts and texts. */
  readonly unit?: string;
  /** Plausible range, both ends included. Outside it a value is absent for every judgement. */
  readonly min?: number;
  readonly max?: number;
  /** Values inside the range that drivers use for "not available". */
  readonly sentinels?: readonly number[];
  readonly deviceClass?: string;
  readonly stateClass?: 'measurement' | 'total' | 'total_increasing';
  readonly diagnostic: boolean;
  /** Whether Home Assistant shows it without being asked; the same as its own NUT integration where that knows the variable. */
  readonly enabled: boolean;
  readonly options?: readonly string[];
  /** What it measures now and then again, as against a setting, rating or name. Only measurements are held back on the way out. */
  readonly measured: boolean;
}
