import http from 'node:http';
import https from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Lc2Error } from '../../core/errors.ts';
import type { Connection } from './client.ts';

const remedy = 'set KUBECONFIG to a readable file, or run in a pod with a service account';

const load = async (): Promise<KubeConfig> => {
  // Loaded late: it is large, and a wrong setting should be told at once.
  const client = await import('./kube-config.ts');
  const config = new client.KubeConfig();
  try {
    config.loadFromDefault();
  } catch (cause) {
    throw new Lc2Error('INPUT_INVALID', 'the kubeconfig cannot be read', { remedy, cause });
  }
  return config;
};

/** KUBECONFIG or ~/.kube/config where there is one, else the pod's own account. */
export const connect = async (): Promise<Connection> => {
  const config = await load();
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Lc2Error('INPUT_INVALID', 'no API server is configured', { remedy });

  const isPlain = cluster.server.startsWith('http:');
  const plainAgent = new http.Agent({ keepAlive: true });
  let agent: https.Agent | undefined;
  let agentOf = '';
  /** One agent, kept alive, until the certificates change. */
  const agentFor = (options: https.RequestOptions): https.Agent => {
    const { ca, cert, key, rejectUnauthorized, servername } = options;
    const identity = [ca, cert, key, rejectUnauthorized, servername].map(String).join('\n');
    if (agent === undefined || identity !== agentOf) {
      agent = new https.Agent({
        ca,
        cert,
        key,
        keepAlive: true,
        ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
        ...(servername === undefined ? {} : { servername }),
      });
      agentOf = identity;
    }
    return agent;
  };

  return {
    server: cluster.server,
    authorize: async () => {
      const options: https.RequestOptions = { headers: {} };
      await config.applyToHTTPSOptions(options);
      // Of its own the client makes an agent, and so a connection, for every call.
      if (cluster.proxyUrl !== undefined) return options;
      return { ...options, agent: isPlain ? plainAgent : agentFor(options) };
    },
  };
};
