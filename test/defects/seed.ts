/** One broken promise, and the test that must say so. */
export interface Seed {
  readonly breaks: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Suite and title, as `-t` wants them: joined by ` > `. */
  readonly test: { readonly project: 'unit' | 'golden' | 'contract'; readonly file: string; readonly name: string };
}

const at = (project: Seed['test']['project'], file: string, name: string): Seed['test'] => ({
  project,
  file: `test/${project}/${file}.test.ts`,
  name,
});

export const unit = (file: string, name: string): Seed['test'] => at('unit', file, name);
export const golden = (file: string, name: string): Seed['test'] => at('golden', file, name);
export const contract = (file: string, name: string): Seed['test'] => at('contract', file, name);
