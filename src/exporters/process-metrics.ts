import { performance } from 'node:perf_hooks';
import type { Families } from './families.ts';

/**
 * What this process costs, by the names that every exporter uses.
 *
 * Read at the scrape and at no other time: the library's own set keeps a timer and two observers running, and names
 * some gauges `_total`.
 */
export function tellProcess({ gauge, counter }: Families): void {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal } = process.memoryUsage();
  counter('process_cpu_seconds_total', 'CPU time of this process in seconds', (user + system) / 1e6);
  gauge('process_resident_memory_bytes', 'Resident memory of this process in bytes', rss);
  gauge('process_start_time_seconds', 'Start of this process in seconds since 1970', performance.timeOrigin / 1000);
  gauge('nodejs_heap_size_used_bytes', 'Heap in use in bytes', heapUsed);
  gauge('nodejs_heap_size_bytes', 'Heap reserved in bytes', heapTotal);
  gauge(
    'nodejs_eventloop_utilization_ratio',
    'Share of the time since the start that the event loop was busy',
    performance.eventLoopUtilization().utilization,
  );
}
