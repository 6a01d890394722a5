import { reasonOf } from '../../core/api/conditions.ts';
import { catalogue, exitStatus } from '../../core/errors.ts';
import { code, page, table } from './markdown.ts';

const meanings: Readonly<Record<keyof typeof exitStatus, string>> = {
  bug: 'a defect of lc2-backup',
  terminal: 'repeating it would end the same way',
  retry: 'it is tried again',
  user: 'the input, or something outside, must be corrected first',
  cancelled: 'somebody stopped it',
};

export const errorsPage = (): string =>
  page(
    'Errors',
    `Every failure has a code of this list. It begins the line that a step leaves as its last message ` +
      `(${code('CODE: what (where); what to do')}), and is the reason of a request’s condition.`,
    '## Exit status of steps and of the command line',
    table(
      ['status', 'kind', 'meaning'],
      [
        ['0', '', 'done'],
        ...Object.entries(exitStatus).map(([kind, status]) => [
          String(status),
          kind,
          meanings[kind as keyof typeof exitStatus],
        ]),
      ],
    ),
    '## Codes',
    table(
      ['code', 'reason', 'kind', 'what to do'],
      Object.entries(catalogue)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { kind, remedy }]) => [code(name), code(reasonOf(name)), kind, remedy]),
    ),
  );
