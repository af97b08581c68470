import { connectAsync, type MqttClient } from 'mqtt';

/** A client that waits for messages and knows when they came. */
export class Listener {
  readonly #client: MqttClient;
  readonly #waiting = new Set<(topic: string, payload: Buffer, at: number) => void>();

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on('message', (topic, payload) => {
      const at = performance.now();
      for (const tell of this.#waiting) tell(topic, payload, at);
    });
  }

  static async open(url: string, filter: string): Promise<Listener> {
    const client = await connectAsync(url, { protocolVersion: 5 });
    const listener = new Listener(client);
    await client.subscribeAsync(filter, { qos: 1 });
    return listener;
  }

  /**
   * When each of these topics had a payload that fits, all counted from this call.
   *
   * @returns `performance.now()` of each arrival, in the order of arrival
   * @throws when one has not come within `timeoutMs`
   */
  all(topics: readonly string[], fits: (payload: string) => boolean, timeoutMs: number): Promise<readonly number[]> {
    const missing = new Set(topics);
    const moments: number[] = [];
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(tell);
        reject(new Error(`${missing.size} of ${topics.length} messages did not come within ${timeoutMs} ms`));
      }, timeoutMs);
      const tell = (topic: string, payload: Buffer, at: number) => {
        if (!missing.has(topic) || !fits(payload.toString())) return;
        missing.delete(topic);
        moments.push(at);
        if (missing.size > 0) return;
        clearTimeout(late);
        this.#waiting.delete(tell);
        resolve(moments);
      };
      this.#waiting.add(tell);
    });
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }
}
