import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { NODE_RED_PROGRAM } from './presence.ts';
import { RunningProcess } from './process.ts';

/** A node of an exported flow; what else it carries depends on its type. */
export interface FlowNode {
  readonly id: string;
  readonly type: string;
  readonly [property: string]: unknown;
}

/** What to start. The brokers named in the flows must be there already. */
export interface NodeRedOptions {
  /** As exported from the editor. */
  readonly flows: readonly FlowNode[];
  /** For `${NAME}` in the flows. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A running Node-RED with its flows. */
export interface NodeRed {
  readonly port: number;
  /** Everything it wrote; debug nodes with `console: true` write here. */
  log(): readonly string[];
  /** A line written after this call. */
  waitForLog(pattern: RegExp, timeoutMs: number): Promise<string>;
  /** Presses an inject node's button. */
  inject(nodeId: string): Promise<void>;
  /** Replaces all flows and waits until they run. */
  deploy(flows: readonly FlowNode[]): Promise<void>;
  /** Ends it and removes its folder. May be called twice. */
  stop(): Promise<void>;
}

const START_MS = 60_000;
const REQUEST_MS = 10_000;
const SETTINGS = new URL('node-red-settings.json', import.meta.url);

/** Starts Node-RED, and waits until its flows run and every broker in them that is used is connected. */
export async function startNodeRed(options: NodeRedOptions): Promise<NodeRed> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwarden-node-red-'));
  const port = await freePort();
  await writeFile(join(folder, 'settings.cjs'), `module.exports = require(${JSON.stringify(SETTINGS.pathname)});\n`);
  await writeFile(join(folder, 'flows.json'), JSON.stringify(options.flows));
  const settings = ['--settings', join(folder, 'settings.cjs'), '--port', String(port)];
  const program = new RunningProcess(process.execPath, [NODE_RED_PROGRAM, '--userDir', folder, ...settings], {
    name: 'Node-RED',
    cwd: folder,
    // Vitest's own marks would make it a test run.
    env: { ...options.env, NODE_ENV: undefined, NODE_OPTIONS: undefined, VITEST: undefined },
  });
  const stop = async () => {
    if (program.running) await program.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const flowsRun = async (from: number, flows: readonly FlowNode[]) => {
    await program.waitForLine(/Started flows/, START_MS, from);
    for (const { id, name } of usedBrokers(flows)) {
      await program.waitForLine(
        new RegExp(`\\[mqtt-broker:(${escaped(name)}|${id})\\] Connected to broker`),
        START_MS,
        from,
      );
    }
    // It subscribes in the same turn in which it says "Connected"; its answer to this means that turn is over.
    await request(port, 'GET', '/settings');
  };
  try {
    await flowsRun(0, options.flows);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    port,
    log: () => program.lines(),
    waitForLog: (pattern, timeoutMs) => program.waitForLine(pattern, timeoutMs, program.mark()),
    inject: (nodeId) => request(port, 'POST', `/inject/${nodeId}`, {}),
    deploy: async (flows) => {
      const from = program.mark();
      await request(port, 'POST', '/flows', { flows });
      await flowsRun(from, flows);
    },
    stop,
  };
}

/** The brokers that a node uses, if it is neither disabled itself nor on a disabled tab; others are never connected. */
function usedBrokers(flows: readonly FlowNode[]): ReadonlyArray<{ id: string; name: string }> {
  const off = new Set(flows.filter((node) => node['disabled'] === true || node['d'] === true).map((node) => node.id));
  const used = new Set(
    flows.filter((node) => !off.has(node.id) && !off.has(String(node['z']))).map((node) => node['broker']),
  );
  return flows
    .filter((node) => node.type === 'mqtt-broker' && used.has(node.id))
    .map((node) => ({ id: node.id, name: String(node['name'] ?? node.id) }));
}

async function request(port: number, method: 'GET' | 'POST', path: string, body?: unknown): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: {
      'Content-Type': 'application/json',
      'Node-RED-API-Version': 'v2',
      'Node-RED-Deployment-Type': 'full',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  if (!response.ok) throw new Error(`Node-RED: ${method} ${path} answers ${response.status} ${await response.text()}`);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
