import type { InventoryLine } from '../manifest/inventory.ts';

/**
 * What Storage Transfer is told to copy: a list of exactly the versions that the plan wants. Its own conditions are prefixes,
 * literally, so that a glob among them excludes nothing, and know no versions: they are not used.
 */

/** A version of Google's is a number; a name with a comma or a quote needs quotes, and others may have them. */
export const listLine = ({ key, version }: Pick<InventoryLine, 'key' | 'version'>): string =>
  `"${key.replaceAll('"', '""')}",${version}\n`;
