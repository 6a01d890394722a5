// The servers that all cases share: two of PostgreSQL, two of S3. Each case has names of its own in them.
import { identifier, runPsql } from '../../oracle/psql.ts';
import { connectTo } from '../../support/lab.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres.ts';
import { type S3Server, startMoto, startVersitygw } from '../../support/s3-servers.ts';

export interface World {
  readonly source: PostgresServer;
  /** Knows none of the roles of `source`, but `uat_owner`, and `uat_admin` who is no superuser. */
  readonly other: PostgresServer;
  readonly gateway: S3Server;
  readonly memory: S3Server;
  readonly roles: readonly string[];
  readonly available: ReadonlySet<string>;
  readonly tablespace: string;
  stop(): Promise<void>;
}

export const otherRole = { owner: 'uat_owner', user: 'uat_admin', password: 'uat-word' } as const;

const plainRoles = ['seed_reader', 'seed writer', `Seed "Odd" role, ; \\ %s 'x'`, 'r'.repeat(63), 'UPPER'];
/** pg_dump reads the names of all roles in the encoding of its database: where these exist, no database can be in EUC_JP. */
const oddRoles = [...plainRoles, 'Röle', `${'r'.repeat(60)}漢`];

export const startWorld = async (seed: number): Promise<World> => {
  const roles = seed % 2 === 0 ? plainRoles : oddRoles;
  const settings = { allow_in_place_tablespaces: 'on', max_connections: '80' };
  const [source, other, gateway, memory] = await Promise.all([
    startPostgres({ settings }),
    startPostgres({ settings }),
    startVersitygw(),
    startMoto(),
  ]);
  const tablespace = identifier('odd; "space"');
  const made = roles.map((role) => `CREATE ROLE ${identifier(role)};`).join('\n');
  await runPsql(connectTo(source), `${made} CREATE TABLESPACE ${tablespace} LOCATION '';`);
  await runPsql(
    connectTo(source),
    `GRANT ${identifier(roles[0] ?? '')} TO ${identifier(roles[1] ?? '')} WITH ADMIN OPTION;`,
  );
  const { owner, user, password } = otherRole;
  await runPsql(
    connectTo(other),
    `CREATE ROLE ${owner}; CREATE ROLE ${user} LOGIN CREATEDB PASSWORD '${password}'; GRANT ${owner} TO ${user};`,
  );
  const names = (await runPsql(connectTo(source), 'SELECT name FROM pg_available_extensions'))
    .split('\n')
    .filter(Boolean);
  return {
    source,
    other,
    gateway,
    memory,
    roles,
    available: new Set(names),
    tablespace,
    stop: async () => void (await Promise.all([source, other, gateway, memory].map((server) => server.stop()))),
  };
};
