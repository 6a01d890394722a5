import type { ErrorCode } from '../../core/errors.ts';

/** A test by its file and full title, suites and title joined by ` > `. A `*` stands for any word that a table puts in. */
export interface TestProof {
  readonly file: string;
  readonly name: string;
}

/** A case of a campaign; its sources hold the name. */
export interface CampaignProof {
  readonly campaign: 'kills' | 'mutations' | 'seeds' | 'simulation';
  readonly case: string;
}

export type Proof = TestProof | CampaignProof;

interface Common {
  readonly row: number;
  /** What is put in, or what goes wrong. */
  readonly input: string;
  /** What we promise then. */
  readonly promise: string;
  /** Reasons that the tests assert. */
  readonly codes?: readonly ErrorCode[];
}

/** A row has a proof, or waits for later work, or both where only a part of it exists; or it is none, for a reason. */
export type Row = Common &
  (
    | { readonly proofs: readonly [Proof, ...Proof[]]; readonly waits?: string; readonly isNone?: undefined }
    | { readonly proofs?: undefined; readonly waits: string; readonly isNone?: undefined }
    | { readonly proofs?: undefined; readonly waits?: undefined; readonly isNone: string }
  );

export interface BadInput {
  readonly surface: string;
}

export const component = (file: string, name: string): TestProof => ({ file: `test/component/${file}.test.ts`, name });
export const unit = (file: string, name: string): TestProof => ({ file: `test/unit/${file}.test.ts`, name });
export const golden = (file: string, name: string): TestProof => ({ file: `test/golden/${file}.test.ts`, name });
export const contract = (file: string, name: string): TestProof => ({ file: `test/contract/${file}.test.ts`, name });
export const e2e = (name: string): TestProof => ({ file: 'test/e2e/e2e.test.ts', name });
export const kills = (name: string): CampaignProof => ({ campaign: 'kills', case: name });
export const simulation = (name: string): CampaignProof => ({ campaign: 'simulation', case: name });

/** Where the promises of every store stand, whatever store they are run against. */
export const ofEveryStore = (name: string): TestProof => ({
  file: 'test/contract/object-store-contract.ts',
  name: `object store: * > ${name}`,
});
export const ofEveryMover = (name: string): TestProof => ({
  file: 'test/contract/mover-contract.ts',
  name: `mover: * > ${name}`,
});
