import { pino, type Logger as PinoLogger } from 'pino';

/**
 * JSON lines on stderr. Whatever is logged, no value of a Secret leaves the process: each is replaced in the finished
 * line, plain and as JSON or URL would write it.
 */
export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: string;
  readonly base: Readonly<Record<string, string>>;
  readonly write: (line: string) => void;
  readonly redact: (text: string) => string;
}

export const createLogger = ({ level, base, write, redact }: LoggerOptions): Logger =>
  pino(
    {
      level,
      base,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'msg',
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => write(redact(line)) },
  );

/** Half a surrogate pair has no form in a URL. */
const urlForm = (value: string): string => encodeURIComponent(value.toWellFormed());

/** Shorter values would make logs unreadable and protect nothing. */
const shortest = 4;

export const createRedactor = (secrets: Iterable<string>): ((text: string) => string) => {
  const forms = new Set<string>();
  for (const secret of secrets) {
    // Adapters use a value without the newline that editors end files with, so messages hold it without.
    for (const value of [secret, secret.trim()]) {
      if (value.length < shortest) continue;
      for (const form of [value, JSON.stringify(value).slice(1, -1), urlForm(value)]) forms.add(form);
    }
  }
  // The longest first: a short form inside a longer one would leave the rest.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((clean, form) => clean.replaceAll(form, '***'), text);
};
