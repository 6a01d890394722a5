import { randomUUID } from 'node:crypto';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { Lc2Error } from '../../../core/errors.ts';
import type { RowCounts } from '../../../core/ports/database.ts';
import { createPlainScript } from './plain-script.ts';
import { quoteName } from './quote.ts';

/** Dumps as clouds export them: a plain script of pg_dump in gzip. */

/** The script; what is cut off or no gzip is BACKUP_DAMAGED. What `stored` itself throws comes through. */
export const unpackPlain = async function* (stored: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const unpack = createGunzip();
  let source: unknown;
  const input = async function* (): AsyncIterable<Uint8Array> {
    try {
      yield* stored;
    } catch (error) {
      source = error;
      throw error;
    }
  };
  pipeline(Readable.from(input(), { objectMode: false }), unpack, () => undefined);
  try {
    for await (const chunk of unpack) yield chunk as Buffer;
  } catch (error) {
    if (source !== undefined) throw source;
    const what = `the dump cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`;
    throw new Lc2Error('BACKUP_DAMAGED', what, { where: 'dump', cause: error });
  }
};

/** Reads the whole script, up to the mark that the dump tool writes last. */
export const countPlainRows = async (stored: AsyncIterable<Uint8Array>): Promise<RowCounts> => {
  const script = createPlainScript();
  for await (const chunk of unpackPlain(stored)) script.push(chunk);
  return script.end();
};

export interface PlainRules {
  readonly superuser: boolean;
  readonly sameEnvironment: boolean;
  /** Owns everything, where the environment is another. */
  readonly role: string | undefined;
  /** Major version of the target. */
  readonly major: number;
}

/** As splitToc for dumps with a table of contents: what only a superuser may do, and what belongs to the server of old. */
const superuserOnly = /^(COMMENT ON EXTENSION|((CREATE|ALTER|COMMENT ON) (EVENT TRIGGER|SUBSCRIPTION)))\b/;
const ownEnvironmentOnly = [
  /^((CREATE|ALTER|COMMENT ON) SUBSCRIPTION)\b/,
  /^(GRANT|REVOKE|ALTER DEFAULT PRIVILEGES|SET SESSION AUTHORIZATION|SET default_tablespace)\b/,
  /^ALTER .+ OWNER TO (?:"(?:[^"]|"")*"|[^\s"';]+);$/s,
];
/** Set by newer tools, unknown to older servers. */
const unknownSetting = 'SET transaction_timeout = 0;';

export const keepOf =
  ({ superuser, sameEnvironment, major }: PlainRules) =>
  (statement: string): boolean => {
    if (!superuser && superuserOnly.test(statement)) return false;
    if (!sameEnvironment && ownEnvironmentOnly.some((pattern) => pattern.test(statement))) return false;
    return major >= 17 || statement !== unknownSetting;
  };

/**
 * What psql is to run. From its first line on psql takes no command of its own, whatever names the dump holds; that it ends
 * as it should is seen before psql is told that it may.
 */
export const plainScriptFor = async function* (
  stored: AsyncIterable<Uint8Array>,
  rules: PlainRules,
): AsyncIterable<Uint8Array> {
  const token = randomUUID().replaceAll('-', '');
  yield Buffer.from(`\\restrict ${token}\n`);
  if (!rules.sameEnvironment && rules.role !== undefined) yield Buffer.from(`SET ROLE ${quoteName(rules.role)};\n`);
  const script = createPlainScript(keepOf(rules));
  for await (const chunk of unpackPlain(stored)) {
    const kept = script.push(chunk);
    if (kept.byteLength > 0) yield kept;
  }
  script.end();
  yield Buffer.from(`\\unrestrict ${token}\n`);
};
