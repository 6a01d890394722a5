import {
  CopyDBClusterSnapshotCommand,
  CopyDBSnapshotCommand,
  CreateDBClusterSnapshotCommand,
  CreateDBInstanceCommand,
  CreateDBSnapshotCommand,
  DeleteDBClusterCommand,
  DeleteDBClusterSnapshotCommand,
  DeleteDBInstanceCommand,
  DeleteDBSnapshotCommand,
  DescribeDBClusterSnapshotsCommand,
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
  RestoreDBClusterFromSnapshotCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import type { RdsClientOptions } from './rds-client.ts';

/** All that is used of the SDK; loaded by rds-client.ts alone. */
export const commands = {
  CopyDBClusterSnapshotCommand,
  CopyDBSnapshotCommand,
  CreateDBClusterSnapshotCommand,
  CreateDBInstanceCommand,
  CreateDBSnapshotCommand,
  DeleteDBClusterCommand,
  DeleteDBClusterSnapshotCommand,
  DeleteDBInstanceCommand,
  DeleteDBSnapshotCommand,
  DescribeDBClusterSnapshotsCommand,
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  RestoreDBClusterFromSnapshotCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
} as const;

/** As of S3: behaves as the environment says and not as this process's surroundings; only the default chain looks there. */
export const createRdsClient = ({ spec, secrets }: RdsClientOptions): RDSClient => {
  const text = (name: string): string => secrets[name]?.trim() ?? '';
  const [accessKeyId, secretAccessKey, sessionToken] = ['accessKeyId', 'secretAccessKey', 'sessionToken'].map(text);
  return new RDSClient({
    region: spec.region,
    endpoint: spec.endpoint ?? amazonEndpoint(spec.region),
    ...(accessKeyId && {
      credentials: { accessKeyId, secretAccessKey: secretAccessKey ?? '', ...(sessionToken && { sessionToken }) },
    }),
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 60_000 },
    // All that we ask for carries its own name: asked for twice it is refused, and nothing is made twice.
    retryMode: 'standard',
    maxAttempts: 4,
    defaultsMode: 'standard',
    useFipsEndpoint: false,
    useDualstackEndpoint: false,
    userAgentAppId: 'lc2-backup',
    logger: silent,
  });
};

const nothing = (): void => undefined;
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Named, because otherwise the SDK takes an endpoint from the environment. */
const amazonEndpoint = (region: string): string =>
  `https://rds.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
