import { Lc2Error } from '../../../core/errors.ts';

/** A script that pg_restore wrote, on its way to a psql for an older server. */

const headBytes = 4096;
/** Set by newer tools, unknown to older servers. */
const unknownOption = Buffer.from('SET transaction_timeout = 0;\n');
/** From here on psql takes no command of its own: a dump may hold names that look like some. */
const restriction = '\n\\restrict ';

/** Both lines stand in the header, before any data. */
export const loadable = async function* (script: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of script) {
    if (head === undefined) yield chunk;
    else {
      head = Buffer.concat([head, chunk]);
      if (head.byteLength < headBytes) continue;
      yield checked(head);
      head = undefined;
    }
  }
  if (head !== undefined) yield checked(head);
};

const checked = (head: Buffer): Buffer => {
  const start = head.subarray(0, headBytes);
  if (!start.includes(restriction)) {
    throw new Lc2Error('TOOL_MISSING', 'pg_restore writes scripts that do not keep commands out of psql', {
      where: 'pg_restore',
      remedy: 'use client tools of August 2025 or newer, such as 17.6',
    });
  }
  const at = start.indexOf(unknownOption);
  return at === -1 ? head : Buffer.concat([head.subarray(0, at), head.subarray(at + unknownOption.byteLength)]);
};
