import { postgresql } from './postgresql.ts';

export const engines = { postgresql } as const;

export type EngineName = keyof typeof engines;
export const engineNames = ['postgresql'] as const satisfies readonly EngineName[];
