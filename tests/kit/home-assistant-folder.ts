import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HOME_ASSISTANT_ROOT } from './presence.ts';
import { run } from './process.ts';

const CONFIGURATION = `homeassistant: {name: Test, time_zone: UTC, unit_system: metric, country: US, latitude: 0, longitude: 0, elevation: 0}
api:
config:
automation: !include automations.yaml
logger:
  default: warning
  logs:
    homeassistant.bootstrap: info
    homeassistant.components.mqtt: debug
    homeassistant.helpers.template: debug
`;

/** Mounts do not outlive a reboot; `scripts/system-install.sh` makes the same ones. */
export async function mountRoot(): Promise<void> {
  const mounted = await readFile('/proc/self/mounts', 'utf8');
  const missing = (name: string) => !mounted.includes(` ${join(HOME_ASSISTANT_ROOT, name)} `);
  if (missing('proc')) await run('mount', ['-t', 'proc', 'proc', join(HOME_ASSISTANT_ROOT, 'proc')]);
  if (missing('sys')) await run('mount', ['-t', 'sysfs', 'sys', join(HOME_ASSISTANT_ROOT, 'sys')]);
  if (missing('dev')) {
    await run('mount', ['--rbind', '/dev', join(HOME_ASSISTANT_ROOT, 'dev')]);
    await run('mount', ['--make-rslave', join(HOME_ASSISTANT_ROOT, 'dev')]);
  }
}

/**
 * A new configuration folder in the chroot's `/tmp`.
 *
 * @param port of the web server
 * @param files more files, by path in the folder
 * @returns its path as this process sees it
 */
export async function makeConfigurationFolder(port: number, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(HOME_ASSISTANT_ROOT, 'tmp/gridwarden-'));
  // The web server's settings as confirmed ones: from configuration.yaml they would be on trial, and five minutes
  // later Home Assistant would go back to its standard port and restart.
  const http = {
    version: 3,
    minor_version: 1,
    key: 'http',
    data: {
      stable: {
        server_host: ['127.0.0.1'],
        server_port: port,
        cors_allowed_origins: [],
        login_attempts_threshold: -1,
        ip_ban_enabled: false,
        ssl_profile: 'intermediate_v6',
        use_x_frame_options: true,
        created_at: new Date().toISOString(),
        error: null,
        error_message: null,
      },
      pending: null,
      yaml_migration_done: true,
    },
  };
  const all = {
    'configuration.yaml': CONFIGURATION,
    'automations.yaml': '[]\n',
    '.storage/http': JSON.stringify(http),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}
