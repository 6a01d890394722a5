import type { BadInput, Proof, Row } from '../../test/catalogue/row.ts';
import { badInput, clouds, faults } from '../../test/catalogue/rows.ts';
import { code, page, table } from './markdown.ts';

/** What could break us, row by row, with what we promise and the test that shows it. */

const proofText = (proof: Proof): string =>
  'file' in proof
    ? `${code(proof.file.replace(/^test\//, ''))}: ${plain(proof.name)}`
    : `campaign ${code(proof.campaign)}: ${code(proof.case)}`;

/** Titles hold what Markdown would take for its own. */
const plain = (text: string): string => text.replaceAll(/[\\`*_<>[\]{}$~]/g, String.raw`\$&`);

const proofsOf = ({ proofs, waits, isNone }: Row): string =>
  [
    ...(proofs ?? []).map(proofText),
    ...(waits === undefined ? [] : [`**waits for ${waits}**`]),
    ...(isNone === undefined ? [] : [`**does not apply**: ${plain(isNone)}`]),
  ].join('<br>');

const promiseOf = ({ promise, codes = [] }: Row): string =>
  [plain(promise), codes.map(code).join(', ')].filter((part) => part !== '').join('<br>');

const badInputRow = (row: Row & BadInput): string[] => [
  String(row.row),
  row.surface,
  plain(row.input),
  promiseOf(row),
  proofsOf(row),
];

export const cataloguePage = (): string =>
  page(
    'Catalogue: what could break it',
    `Three lists of ways in which others were broken, in our words: what is promised, and the test that shows it. ` +
      `A title is that of a suite and a test, joined by ${code('>')}; a ${code('*')} stands for any word of a table. ` +
      `${code('test/unit/catalogue.test.ts')} fails when a test that is named here is not there.`,
    '## Bad input',
    table(['row', 'surface', 'input', 'promise', 'shown by'], badInput.map(badInputRow)),
    '## Faults',
    `Each ends in one of three ways: succeeded and restorable, failed with a reason and nothing left behind, or still trying before its deadline.`,
    table(
      ['row', 'fault', 'promise', 'shown by'],
      faults.map((row) => [String(row.row), plain(row.input), promiseOf(row), proofsOf(row)]),
    ),
    '## Clouds',
    `What a cloud may refuse, lose or leave while it moves the bytes itself. Each call of ours to each service and store is met by each answer, and each permission is missing once.`,
    table(['row', 'surface', 'fault', 'promise', 'shown by'], clouds.map(badInputRow)),
  );
