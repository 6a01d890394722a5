import { z } from 'zod';

/** A name that every cloud takes: of an instance, of a cluster (whose first instance adds `-1`), of a flexible server. */
export const newServerName = z
  .string()
  .min(3)
  .max(60)
  .regex(/^[a-z](-?[a-z0-9])*$/, 'must be lower case letters, digits and single hyphens, a letter first');

/** A server that a restore had made, and where it is reached. */
export const newServerAddress = z.strictObject({
  name: z.string().max(63),
  host: z.string().max(253),
  port: z.int(),
});
export type NewServerAddress = z.output<typeof newServerAddress>;
