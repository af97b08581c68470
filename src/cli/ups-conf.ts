/** One UPS of NUT's ups.conf. */
export interface UpsSection {
  /** As NUT calls it. */
  readonly name: string;
  /** Name of its driver; absent where the section names none. */
  readonly driver?: string;
}

/** What ups.conf says, as far as it is needed to run a driver by hand. */
export interface UpsConf {
  readonly sections: readonly UpsSection[];
  /** Folder of the drivers; absent: the one NUT was built with. */
  readonly driverPath?: string;
}

/**
 * Reads the text of an ups.conf.
 *
 * @see ups.conf(5), nut.conf's quoting: a value may stand in double quotes, a `#` begins a comment
 */
export function readUpsConf(text: string): UpsConf {
  const sections: { name: string; driver?: string }[] = [];
  let driverPath: string | undefined;
  for (const line of text.split('\n')) {
    const [, name] = /^\s*\[\s*([^\]\s]+)\s*\]/.exec(line) ?? [];
    if (name !== undefined) {
      sections.push({ name });
      continue;
    }
    const [, key, quoted, plain] = /^\s*([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([^\s#"]+))/.exec(line) ?? [];
    const value = quoted ?? plain;
    if (value === undefined) continue;
    const section = sections.at(-1);
    if (key === 'driverpath' && section === undefined) driverPath = value;
    if (key === 'driver' && section !== undefined) section.driver = value;
  }
  return { sections, ...(driverPath === undefined ? {} : { driverPath }) };
}
