import { tryService, type Environment } from '../../core/plan/environment.ts';
import type { DatabaseService } from '../../core/ports/database-service.ts';
import { openAzureFlexibleServer } from './azure-flexible-server.ts';
import { openCloudSql } from './cloud-sql.ts';
import { openRds } from './rds.ts';

/** The only one that copies objects. */
export { openStorageTransfer as openTransfer } from './storage-transfer.ts';

export interface ServiceOptions {
  readonly environment: Environment;
  readonly secrets: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The only list of services that can be asked for work; a plain server cannot. */
const adapters = {
  cloudSql: ({ environment, ...options }: ServiceOptions): DatabaseService | undefined => {
    const spec = environment.spec.database?.cloudSql;
    return spec && openCloudSql({ ...options, spec });
  },
  rds: ({ environment, ...options }: ServiceOptions): DatabaseService | undefined => {
    const spec = environment.spec.database?.rds;
    return spec && openRds({ ...options, spec, environment: `${environment.spec.projectId}/${environment.name}` });
  },
  azureFlexibleServer: ({ environment, ...options }: ServiceOptions): DatabaseService | undefined => {
    const spec = environment.spec.database?.azureFlexibleServer;
    return (
      spec &&
      openAzureFlexibleServer({ ...options, spec, environment: `${environment.spec.projectId}/${environment.name}` })
    );
  },
  server: () => undefined,
} as const;

export const openService = (options: ServiceOptions): DatabaseService | undefined => {
  const service = tryService(options.environment.spec);
  return service && adapters[service.name](options);
};
