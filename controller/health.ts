import { createServer, type Server } from 'node:http';

export interface HealthOptions {
  readonly port: number;
  readonly ready: () => boolean;
}

/** /healthz: this process turns. /readyz: it knows the cluster. */
export const serveHealth = async ({ port, ready }: HealthOptions): Promise<Server> => {
  const server = createServer((request, response) => {
    const answer =
      request.url === '/healthz' || (request.url === '/readyz' && ready())
        ? 200
        : request.url === '/readyz'
          ? 503
          : 404;
    response.writeHead(answer, { 'content-type': 'text/plain' });
    response.end(answer === 200 ? 'ok\n' : 'no\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
  return server;
};
