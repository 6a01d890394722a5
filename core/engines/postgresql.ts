/** PostgreSQL by pg_dump and pg_restore. */
export const postgresql = {
  name: 'postgresql',
  title: 'PostgreSQL',
  defaultPort: 5432,
  /** Where sessions go that belong to no database of the backup. */
  maintenanceDatabase: 'postgres',
  /** Server majors that the flows are tested with; the client tools must not be older than the server. */
  majors: [12, 13, 14, 15, 16, 17, 18],
  /** Identifier length in bytes. */
  nameBytes: 63,
  dumpExtension: 'dump.zst',
} as const;
