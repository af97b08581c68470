import type { QualityFact } from '../../src/analysis/quality/fact.ts';
import { followQuality, type QualityInput, tickQuality } from '../../src/analysis/quality/follow.ts';
import type { Feed } from '../../src/domain/power.ts';
import { NO_QUALITY, type Quality } from '../../src/domain/quality.ts';
import type { QualityPreset } from '../../src/domain/settings.ts';
import { asMillis } from '../../src/domain/time.ts';
import { stampAt } from './battery.ts';
import { reading } from './story.ts';

export type Said = Readonly<Record<string, string>>;

/** One device of a 230 V grid, told in seconds. */
export class Line {
  quality: Quality = NO_QUALITY;
  facts: readonly QualityFact[] = [];
  readonly #preset: QualityPreset;
  readonly #always: Said;

  constructor(always: Said = { 'input.voltage.nominal': '230' }, preset: QualityPreset = 'normal') {
    this.#always = always;
    this.#preset = preset;
  }

  reads(at: number, said: Said, status = 'OL', more: Partial<QualityInput> = {}): this {
    const fed: Feed = status.includes('OB') ? 'battery' : 'mains';
    const seen = { fed, outageBegan: false, preset: this.#preset, ...more };
    const step = followQuality(
      this.quality,
      { reading: reading(status, { ...this.#always, ...said }), ...seen },
      stampAt(at),
    );
    this.quality = step.quality;
    this.facts = [...this.facts, ...step.facts];
    return this;
  }

  /** The same voltage at every second from one to before another. */
  volts(from: number, to: number, volts: number): this {
    for (let at = from; at < to; at += 1) this.reads(at, { 'input.voltage': `${volts}` });
    return this;
  }

  ticks(from: number, to: number): this {
    for (let at = from; at <= to; at += 1) this.quality = tickQuality(this.quality, stampAt(at));
    return this;
  }

  get told(): readonly string[] {
    return this.facts.map(({ type }) => type);
  }
}

export const began = { outageBegan: true } as const;
export const ended = (seconds: number) => ({ outageEnded: { lasted: asMillis(seconds * 1000) } });
