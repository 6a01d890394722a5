import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cataloguePage } from '../../scripts/reference/catalogue-page.ts';
import type { CampaignProof, Row, TestProof } from '../catalogue/row.ts';
import { badInput, clouds, faults } from '../catalogue/rows.ts';
import { hasTitle } from '../catalogue/titles.ts';

const root = join(import.meta.dirname, '..', '..');
const rows: readonly Row[] = [...badInput, ...faults, ...clouds];
const proofs = rows.flatMap((row) => [...(row.proofs ?? [])]);

const campaignFolder = (name: string): string => join(root, 'test', 'campaigns', name);
const holds = ({ campaign, case: name }: CampaignProof): boolean =>
  readdirSync(campaignFolder(campaign), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .some((file) => new RegExp(`${name}(?!\\d)`).test(readFileSync(join(campaignFolder(campaign), file), 'utf8')));

describe('the catalogue', () => {
  it('has every row once, in order', () => {
    expect(badInput.map(({ row }) => row)).toEqual(Array.from({ length: 55 }, (_, index) => index + 1));
    expect(faults.map(({ row }) => row)).toEqual(Array.from({ length: 36 }, (_, index) => index + 1));
    expect(clouds.map(({ row }) => row)).toEqual(Array.from({ length: 48 }, (_, index) => index + 1));
  });

  it('names tests that are there', () => {
    const missing = proofs
      .filter((proof): proof is TestProof => 'file' in proof)
      .filter(({ file, name }) => !existsSync(join(root, file)) || !hasTitle(file, name));
    expect(missing).toEqual([]);
  });

  it('names cases of campaigns that are there', () => {
    const missing = proofs
      .filter((proof): proof is CampaignProof => 'campaign' in proof)
      .filter((proof) => !existsSync(campaignFolder(proof.campaign)) || !holds(proof));
    expect(missing).toEqual([]);
  });

  it('has few rows that only wait, and says for what', () => {
    const waiting = rows.filter(({ proofs: found, waits }) => found === undefined && waits !== undefined);
    expect(waiting.map(({ row }) => row)).toEqual([20, 21]);
  });

  it('is the page that people read', () => {
    expect(readFileSync(join(root, 'docs/explanation/catalogue.md'), 'utf8')).toBe(cataloguePage());
  });
});

describe('titles', () => {
  it('are found whole, with the words of a table, and not by half', () => {
    const file = 'test/unit/catalogue.test.ts';
    expect(hasTitle(file, 'the catalogue > has every row once, in order')).toBe(true);
    expect(hasTitle(file, 'the catalogue > has every row')).toBe(false);
    expect(hasTitle(file, 'has every row once, in order')).toBe(false);
    const errors = 'test/unit/errors.test.ts';
    expect(hasTitle(errors, 'the catalogue > BUG says what to do')).toBe(true);
    const table = 'test/unit/environment.test.ts';
    expect(hasTitle(table, 'an environment > is refused with spec.database.server.host = "-oProxy=x"')).toBe(true);
    expect(
      hasTitle(table, 'an environment > is refused with spec.database.server.host = "--nowhere-to-be-found"'),
    ).toBe(false);
  });
});
