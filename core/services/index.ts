import type { z } from 'zod';
import { server } from './server.ts';

export interface ServiceCapabilities {
  readonly snapshot: boolean;
  readonly export: boolean;
  readonly dump: boolean;
  readonly import: boolean;
}

export interface ServiceDescriptor {
  readonly name: string;
  readonly title: string;
  readonly schema: z.ZodType;
  readonly capabilities: ServiceCapabilities;
  readonly secretKeys: { readonly required: readonly string[]; readonly optional: readonly string[] };
}

export const services = { server } as const satisfies Record<string, ServiceDescriptor>;

export type ServiceName = keyof typeof services;
export const serviceNames = ['server'] as const satisfies readonly ServiceName[];
