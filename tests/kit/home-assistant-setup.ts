/** One field of a configuration form; `schema` where it is a section with fields of its own. */
interface FormField {
  readonly name: string;
  readonly required?: boolean;
  readonly default?: unknown;
  readonly schema?: readonly FormField[];
}

/** What a configuration flow answers to each step. */
interface FlowStep {
  readonly type: string;
  readonly flow_id: string;
  readonly step_id?: string;
  readonly data_schema?: readonly FormField[];
  readonly errors?: Readonly<Record<string, string>> | null;
  readonly reason?: string;
  readonly result?: { readonly entry_id: string; readonly state: string };
}

const REQUEST_MS = 60_000;
const FLOW = '/api/config/config_entries/flow';
const MAX_STEPS = 6;

/** Home Assistant's REST interface on 127.0.0.1. */
export class HomeAssistantRest {
  readonly #base: string;
  #token: string | undefined;

  constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}`;
  }

  /**
   * Creates the first user, finishes onboarding and from then on sends the token.
   *
   * @returns a token that lives 30 minutes: enough to ask for a long-lived one
   */
  async onboard(): Promise<string> {
    const client_id = `${this.#base}/`;
    const user = { client_id, name: 'Test', username: 'test', password: 'test-password', language: 'en' };
    // The two answers are documented by Home Assistant's authentication interface.
    const { auth_code } = (await this.post('/api/onboarding/users', user)) as { auth_code: string };
    const form = new URLSearchParams({ grant_type: 'authorization_code', code: auth_code, client_id });
    const { access_token } = (await this.#request('POST', '/auth/token', form)) as { access_token: string };
    this.#token = access_token;
    await this.post('/api/onboarding/analytics', {});
    await this.post('/api/onboarding/integration', { client_id, redirect_uri: `${client_id}?auth_callback=1` });
    return access_token;
  }

  useToken(token: string): void {
    this.#token = token;
  }

  async get(path: string): Promise<unknown> {
    return await this.#request('GET', path);
  }

  async post(path: string, body: unknown): Promise<unknown> {
    return await this.#request('POST', path, JSON.stringify(body));
  }

  /**
   * Adds an integration as its configuration dialog does: each form gets the given values, by field name, and for
   * other required fields the default it offers.
   *
   * @returns the id of the configuration entry, which is loaded
   */
  async addIntegration(handler: string, values: Readonly<Record<string, unknown>>): Promise<string> {
    // The shape of a step is Home Assistant's documented data entry flow.
    let step = (await this.post(FLOW, { handler, show_advanced_options: true })) as FlowStep;
    for (let count = 0; step.type === 'form' && count < MAX_STEPS; count += 1) {
      if (Object.keys(step.errors ?? {}).length > 0) break;
      const answers = fillForm(step.data_schema ?? [], values);
      step = (await this.post(`${FLOW}/${step.flow_id}`, answers)) as FlowStep;
    }
    if (step.type !== 'create_entry' || step.result?.state !== 'loaded') {
      throw new Error(`Home Assistant did not add ${handler}: ${JSON.stringify(step)}`);
    }
    return step.result.entry_id;
  }

  async #request(method: string, path: string, body?: string | URLSearchParams): Promise<unknown> {
    const headers: Record<string, string> = {};
    if (this.#token !== undefined) headers['Authorization'] = `Bearer ${this.#token}`;
    if (typeof body === 'string') headers['Content-Type'] = 'application/json';
    const response = await fetch(`${this.#base}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Home Assistant: ${method} ${path} answers ${response.status} ${text}`);
    return response.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : text;
  }
}

function fillForm(fields: readonly FormField[], values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const answers: Record<string, unknown> = {};
  for (const field of fields) {
    if (field.schema !== undefined) answers[field.name] = fillForm(field.schema, values);
    else if (field.name in values) answers[field.name] = values[field.name];
    else if (field.required) answers[field.name] = field.default;
  }
  return answers;
}
