import { z } from 'zod';
import { duration } from '../../../domain/schema.ts';
import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { commonKeys, filePath, given, listed, refuseLongWaits } from '../schema.ts';

/** One mount to be undone. */
export interface Unmount {
  /** Absolute path of the mount point. */
  readonly path: string;
  /** Arguments for umount, such as `-f`. */
  readonly options: readonly string[];
  /** Whether it is detached although it is busy: what still writes to it then goes on unseen. */
  readonly lazy: boolean;
}

/** What to do with the file systems of this machine. */
export interface FilesystemsConfig {
  /** How long a sync may take; `off`: none. */
  readonly sync: Millis | 'off';
  /** One after the other, after the sync. */
  readonly unmount: readonly Unmount[];
}

/** The keys of one mount, here and on another machine. */
export const unmountSchema = z.strictObject({
  path: filePath.meta({ description: 'The mount point' }),
  options: z
    .array(
      z
        .string()
        .max(64)
        .regex(/^-[A-Za-z0-9,=-]+$/, 'write an option of umount, such as -f'),
    )
    .max(10)
    .meta({ description: 'Options for umount' })
    .prefault([]),
  lazy: z.boolean().meta({ description: 'Whether it is detached (umount -l) where it is busy' }).prefault(false),
});

/** umount of a network mount whose server has gone takes this long to say so. */
const PER_MOUNT = seconds(15);

/**
 * The `filesystems` block.
 *
 * Before it was measured it is taken to need 10 s for a sync, which empties the caches of ordinary disks, and 2 s a
 * mount.
 */
export const filesystemsSchema = z
  .strictObject({
    sync: z
      .union([duration({ min: '1s', max: '30m' }), z.enum(['off'])])
      .meta({ description: 'How long writing everything to disk may take before it is given up' })
      .prefault('30s'),
    unmount: z
      .array(unmountSchema)
      .max(100)
      .meta({ description: 'Mounts that are undone one after the other, after the sync' })
      .prefault([]),
    ...commonKeys('15s for each mount more than sync'),
  })
  .superRefine(({ sync, unmount, deadline }, context) => {
    if (sync !== 'off') return refuseLongWaits(context, sync, deadline);
    if (unmount.length > 0) return;
    context.addIssue({ code: 'custom', path: ['sync'], message: 'leaves nothing to do: give unmount as well' });
  })
  .transform(({ name, after, deadline, carries_source, ...config }) => {
    const { sync, unmount } = config;
    const syncFor = sync === 'off' ? 0 : sync;
    const spans = {
      deadline: asMillis(Math.max(syncFor + PER_MOUNT * unmount.length, seconds(5))),
      usual: asMillis(Math.min(syncFor, seconds(10)) + seconds(2) * unmount.length),
    };
    const parts = [
      ...(sync === 'off' ? [] : ['sync']),
      ...(unmount.length === 0 ? [] : [`unmount ${listed(unmount.map(({ path }) => path))}`]),
    ];
    const common = { name, after, deadline, carries_source };
    return given('filesystems', common, spans, parts.join(', '), config satisfies FilesystemsConfig);
  })
  .meta({ description: 'File systems of this machine: sync, unmount' });
