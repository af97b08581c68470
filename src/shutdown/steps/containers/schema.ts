import { z } from 'zod';
import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { commonKeys, filePath, given, ownName, refuseLongWaits, wait } from '../schema.ts';

/** One compose project. */
export interface ComposeProject {
  /** Absolute path of its file. */
  readonly file: string;
  /** How long its containers get to stop by themselves. */
  readonly wait: Millis;
}

/** What to do with the containers of this machine. Never touches the one that this process runs in. */
export interface ContainersConfig {
  /** `auto`: Docker where it answers, and Podman where it does. */
  readonly engine: 'auto' | 'docker' | 'podman';
  /** `start` brings back what the plan stopped. */
  readonly action: 'stop' | 'start';
  /** Users whose own Podman is asked too; `all`: every user who is logged in or lingers. */
  readonly rootless: 'off' | 'all' | readonly string[];
  /** One after the other, before the rest. */
  readonly compose: readonly ComposeProject[];
  /** Whether the containers that no project of `compose` has are touched too. */
  readonly rest: boolean;
  /** Never these, by name. */
  readonly except: readonly string[];
  /** How long a container of the rest gets to stop by itself. */
  readonly wait: Millis;
}

const project = z.strictObject({
  file: filePath.meta({ description: 'Path of the compose file' }),
  wait: wait('30s', 'How long its containers get to stop by themselves'),
});

/**
 * The `containers` block.
 *
 * Before it was measured it is taken to need every wait: one container that ignores SIGTERM uses its own up.
 */
export const containersSchema = z
  .strictObject({
    engine: z
      .enum(['auto', 'docker', 'podman'])
      .meta({ description: 'Whose containers. auto: of Docker and Podman, as far as they are here' })
      .prefault('auto'),
    action: z
      .enum(['stop', 'start'])
      .meta({ description: 'What is done: stop, or, for restore, start what the plan stopped' })
      .prefault('stop'),
    rootless: z
      .union([z.enum(['off', 'all']), z.array(ownName).min(1).max(100)])
      .meta({ description: 'Users whose own Podman containers are meant too; all: of every user who has some' })
      .prefault('off'),
    compose: z
      .array(project)
      .max(100)
      .meta({ description: 'Compose projects that go one after the other, before the rest' })
      .prefault([]),
    rest: z.boolean().meta({ description: 'Whether containers outside of compose are meant too' }).prefault(true),
    except: z.array(ownName).max(500).meta({ description: 'Names of containers that are not touched' }).prefault([]),
    wait: wait('30s', 'How long the rest gets to stop by itself'),
    ...commonKeys('1m more than all that is waited for'),
  })
  .superRefine((raw, context) => {
    refuseLongWaits(context, waitsOf(raw), raw.deadline);
    if (raw.rest || raw.compose.length > 0) return;
    context.addIssue({ code: 'custom', path: ['rest'], message: 'leaves nothing to do: give compose as well' });
  })
  .transform(({ name, after, deadline, carries_source, ...config }) => {
    const waits = waitsOf(config);
    const spans = { deadline: asMillis(waits + seconds(60)), usual: asMillis(waits + seconds(5)) };
    const text = `${config.action} the containers of ${config.engine === 'auto' ? 'this machine' : config.engine}`;
    return given(
      'containers',
      { name, after, deadline, carries_source },
      spans,
      text,
      config satisfies ContainersConfig,
    );
  })
  .meta({ description: 'Containers of Docker and Podman on this machine' });

const waitsOf = ({ compose, rest, wait: own }: Pick<ContainersConfig, 'compose' | 'rest' | 'wait'>): Millis =>
  asMillis(compose.reduce((total, one) => total + one.wait, rest ? own : 0));
