import { z } from 'zod';
import { type ListenAddress, listenAddress } from '../domain/schema.ts';

/** The `http` block: the one server for the API, the metrics and the dashboard. */
export interface HttpConfig {
  readonly listen: ListenAddress;
}

/** Reads the `http` block. */
export const httpSchema = z
  .strictObject({
    listen: listenAddress
      .meta({ description: 'Where the API and the metrics listen. Port 0 lets the system choose' })
      .prefault('127.0.0.1:8321'),
  })
  .meta({ description: 'The API and the metrics' })
  .prefault({});
