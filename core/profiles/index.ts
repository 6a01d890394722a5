import { generic } from './generic.ts';
import { liferay } from './liferay.ts';

export interface ProfileDescriptor {
  readonly name: string;
  readonly title: string;
  readonly generatedFiles: readonly string[];
  readonly ignoreDatabases: readonly string[];
}

export const profiles = { generic, liferay } as const satisfies Record<string, ProfileDescriptor>;

export type ProfileName = keyof typeof profiles;
export const profileNames = ['generic', 'liferay'] as const satisfies readonly ProfileName[];
