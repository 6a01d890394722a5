import { styleText } from 'node:util';

/** What the demo prints: colours on a terminal, the same plain words elsewhere. */
type Style = Parameters<typeof styleText>[0];

const write = (text: string): void => void process.stdout.write(text);

/** styleText leaves colours out where the stream is no terminal, and when NO_COLOR is set. */
const styled = (style: Style, text: string): string => styleText(style, text, { stream: process.stdout });

let chapter = 0;

export const title = (text: string): void => write(`${styled('bold', text)}\n`);

export const heading = (text: string): void => {
  chapter += 1;
  write(`\n${styled(['bold', 'cyan'], `${chapter}. ${text}`)}\n`);
};

/** The last part has no number: nothing is done in it any more. */
export const closing = (text: string): void => write(`\n${styled(['bold', 'cyan'], text)}\n`);

export const say = (text: string): void => write(`   ${text}\n`);

export const blank = (): void => write('\n');

export const command = (words: readonly string[]): void =>
  write(`   ${styled('dim', '$')} ${styled('bold', words.join(' '))}\n`);

const marks: readonly (readonly [RegExp, Style])[] = [
  [/^\s*✓/u, 'green'],
  [/^\s*✗/u, 'red'],
  [/^[A-Z_]+: /u, 'red'],
];

/** A line that a program printed. */
export const quote = (line: string): void => {
  const style = marks.find(([pattern]) => pattern.test(line))?.[1];
  write(`   ${style === undefined ? line : styled(style, line)}\n`);
};

export const verdict = (good: boolean, label: string, text: string): void =>
  write(`   ${good ? styled('green', '✓') : styled('red', '✗')} ${label.padEnd(15)} ${text}\n`);

export const row = (label: string, text: string): void => write(`   ${label.padEnd(13)} ${text}\n`);

export const complain = (text: string): void => void process.stderr.write(`${text}\n`);

export const count = (number: number): string => number.toLocaleString('en-US');

const kibi = 1024;

export const bytes = (number: number): string => {
  if (number < kibi) return `${number} B`;
  return number < kibi * kibi ? `${(number / kibi).toFixed(1)} KiB` : `${(number / kibi / kibi).toFixed(1)} MiB`;
};
