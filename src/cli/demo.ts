import { createServer } from 'node:net';
import { type Loaded, loadedFrom } from '../config/read.ts';
import { seconds } from '../domain/time.ts';
import { discoverServer } from '../sources/nut/discover.ts';
import { VERSION } from '../version.ts';

const HOST = '127.0.0.1';
const NUT_PORT = 3493;

/**
 * A configuration for who has none: the NUT server of this machine where one answers, else a simulated UPS; an
 * embedded broker; nothing armed.
 *
 * @param speed how many times faster than real time the simulated day passes
 */
export async function demo(
  speed: number,
): Promise<{ readonly loaded: Loaded; readonly introduction: readonly string[] }> {
  const found = await discoverServer(HOST, NUT_PORT, { timeout: seconds(1) });
  const real = found.ok && found.value.upses.length > 0;
  const broker = `${HOST}:${(await isFree(1883)) ? 1883 : 0}`;
  const http = `${HOST}:${(await isFree(8321)) ? 8321 : 0}`;
  const loaded = loadedFrom({
    mqtt: { embedded: { listen: broker } },
    http: { listen: http },
    sources: real ? { local: { nut: { host: HOST, port: NUT_PORT } } } : { demo: { simulated: { speed } } },
  });
  if (loaded === undefined) throw new Error(`the demo's own configuration is invalid (speed ${speed})`);
  const source = real
    ? `the NUT server at ${HOST}:${NUT_PORT} has ${found.value.upses.map(({ name }) => name).join(', ')}`
    : `no NUT server answers at ${HOST}:${NUT_PORT}: a simulated UPS lives a day in ${Math.round(1440 / speed)} minutes`;
  const introduction = [
    `Gridwarden ${VERSION}, demo: no configuration file, nothing is armed, nothing can be shut down`,
    source,
  ];
  return { loaded, introduction };
}

/** Whether a port can be had. Another program may still be faster; then the listener says so and goes on trying. */
function isFree(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const probe = createServer();
    probe.once('error', () => settle(false));
    probe.listen(port, HOST, () => probe.close(() => settle(true)));
  });
}
