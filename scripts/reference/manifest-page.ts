import { manifestSchema, manifestVersion } from '../../core/manifest/manifest.ts';
import { ownerRecord, restoreRecord, runRecord, stepRecord } from '../../core/manifest/records.ts';
import { recordTable } from './fields.ts';
import { code, page } from './markdown.ts';

export const manifestPage = (): string =>
  page(
    'Files in storage',
    `${code('manifest.json')} is written once and last: without it there is no backup. ` +
      `Its stored bytes are its canonical form: JSON with keys sorted by their UTF-8 bytes, two spaces, and a final newline. ` +
      `${code('digest')} is the sha256 of that form without ${code('digest')}.`,
    `## manifest.json, version ${manifestVersion}`,
    recordTable(manifestSchema),
    '## run.json',
    'The claim of a run on its backup, written by the first step that arrives.',
    recordTable(runRecord.omit({ spec: true })),
    `${code('spec')} is the environment as it was, with defaults: see the API.`,
    '## steps/&lt;step&gt;.json',
    recordTable(stepRecord),
    '## owner.json',
    recordTable(ownerRecord),
    '## restores/&lt;request&gt;.json',
    recordTable(restoreRecord),
  );
