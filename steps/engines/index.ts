import type { EngineName } from '../../core/engines/index.ts';
import { Lc2Error } from '../../core/errors.ts';
import { type Environment, tryService } from '../../core/plan/environment.ts';
import type { Database } from '../../core/ports/database.ts';
import { openPostgresql, type PostgresqlOptions } from './postgresql/postgresql.ts';

/** The only list of engines. */
const adapters = { postgresql: openPostgresql } as const satisfies Record<
  EngineName,
  (options: PostgresqlOptions) => Database
>;

export interface DatabaseOptions extends Omit<PostgresqlOptions, 'spec' | 'environment'> {
  readonly environment: Environment;
}

export const openDatabase = ({ environment, ...options }: DatabaseOptions): Database => {
  const spec = tryService(environment.spec)?.spec;
  if (!spec) throw new Lc2Error('COMPONENT_UNKNOWN', 'the environment has no database', { where: environment.name });
  return adapters[spec.engine]({ ...options, spec, environment: environment.name });
};
