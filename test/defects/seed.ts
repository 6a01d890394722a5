/** One broken promise, and the test that must say so. */
export interface Seed {
  readonly breaks: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  readonly test: VitestTest | CampaignTest;
}

/** Suite and title, as `-t` wants them: joined by ` > `. */
export interface VitestTest {
  readonly project: 'unit' | 'golden' | 'contract' | 'component';
  readonly file: string;
  readonly name: string;
}

/** `node test/campaigns/<campaign>/main.ts <args>`: ends with 0 on a sound tree and says FAILED on a broken one. */
export interface CampaignTest {
  readonly campaign: 'kills' | 'mutations' | 'seeds' | 'simulation';
  readonly args: readonly string[];
}

const at = (project: VitestTest['project'], file: string, name: string): VitestTest => ({
  project,
  file: `test/${project}/${file}.test.ts`,
  name,
});

export const unit = (file: string, name: string): VitestTest => at('unit', file, name);
export const golden = (file: string, name: string): VitestTest => at('golden', file, name);
export const contract = (file: string, name: string): VitestTest => at('contract', file, name);
export const component = (file: string, name: string): VitestTest => at('component', file, name);

/** `args` name a seed and as few cases as show the defect. */
export const campaign = (name: CampaignTest['campaign'], ...args: readonly string[]): CampaignTest => ({
  campaign: name,
  args,
});
