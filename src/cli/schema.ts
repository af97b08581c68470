import { editorSchema } from '../config/json-schema.ts';

/**
 * `gridwarden schema`: prints the JSON schema of the configuration for editors.
 *
 * @returns the exit code, always 0
 */
export async function schema({ out }: { readonly out: (line: string) => void }): Promise<number> {
  out(JSON.stringify(editorSchema(), null, 2));
  return 0;
}
