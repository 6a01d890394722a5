import { Lc2Error, type ErrorCode } from '../../../core/errors.ts';

/** What PostgreSQL, Node's sockets and OpenSSL say, in words of the catalogue. */

const bySqlState: Readonly<Record<string, ErrorCode>> = {
  '28P01': 'DATABASE_LOGIN_FAILED',
  '28000': 'DATABASE_LOGIN_FAILED',
  '3D000': 'DATABASE_NOT_FOUND',
  '42501': 'DATABASE_PRIVILEGE',
  '55P03': 'DATABASE_BUSY',
  '55006': 'DATABASE_BUSY',
};

const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EACCES',
]);

const isTls = (code: string, message: string): boolean =>
  /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code) || /does not support SSL|certificate|SSL/i.test(message);

export const databaseError = (thrown: unknown, where: string): Lc2Error => {
  if (thrown instanceof Lc2Error) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // An AggregateError of several addresses has no text of its own.
  const message = error.message || (error instanceof AggregateError ? error.errors.map(String).join('; ') : code);
  return new Lc2Error(codeOf(code, message), message, { where, cause: error });
};

const codeOf = (code: string, message: string): ErrorCode => {
  const known = bySqlState[code];
  if (known) return known;
  if (unreachable.has(code) || /timeout expired|connect timeout/i.test(message)) return 'DATABASE_UNREACHABLE';
  if (isTls(code, message)) return 'DATABASE_TLS_FAILED';
  // PgBouncer rejects logins without a state of SQL.
  if (/no such user|password authentication failed|no pg_hba.conf entry/i.test(message)) return 'DATABASE_LOGIN_FAILED';
  return 'DATABASE_FAILED';
};

/** Tools write what the server said; a lost connection may be tried again, everything else would fail again. */
export const isConnectionLoss = (text: string): boolean => losses.some((loss) => loss.test(text));

const losses = [
  /server closed the connection|terminating connection|SSL connection has been closed/i,
  /connection to server .* failed|could not connect/i,
  /recovery mode|shutting down/i,
];
