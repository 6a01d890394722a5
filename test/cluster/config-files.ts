// Writes the configuration of the cluster's programs. JSON throughout, which every reader of YAML accepts.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { containerdSocket, kubeconfig, name, network, nodeName, places } from './settings.ts';

const state = (...parts: string[]): string => join(places.state, ...parts);

const write = (file: string, content: string): Promise<void> => writeFile(state(file), content, { mode: 0o600 });

const writeJson = (file: string, content: unknown): Promise<void> => write(file, JSON.stringify(content, undefined, 2));

const base64 = async (file: string): Promise<string> => (await readFile(state('pki', file))).toString('base64');

const writeKubeconfig = async (user: string): Promise<void> => {
  const server = `https://${network.nodeAddress}:6443`;
  const [ca, certificate, key] = await Promise.all([base64('ca.crt'), base64(`${user}.crt`), base64(`${user}.key`)]);
  await writeJson(user === 'admin' ? 'admin.kubeconfig' : `${user}.kubeconfig`, {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: user, user: { 'client-certificate-data': certificate, 'client-key-data': key } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user } }],
    'current-context': 'test',
  });
};

const kubelet = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  containerRuntimeEndpoint: `unix://${containerdSocket}`,
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: state('pki', 'ca.crt') },
  },
  authorization: { mode: 'Webhook' },
  tlsCertFile: state('pki', 'kubelet.crt'),
  tlsPrivateKeyFile: state('pki', 'kubelet.key'),
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${name}`,
  failSwapOn: false,
  failCgroupV1: false,
  // Hard limits may not be raised, nor oom scores lowered, where CAP_SYS_RESOURCE is missing.
  maxOpenFiles: 20_000,
  oomScoreAdj: 0,
  maxPods: 250,
  clusterDNS: [network.podGateway],
  clusterDomain: 'cluster.local',
  resolvConf: state('resolv.conf'),
  serializeImagePulls: false,
  evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
  imageGCHighThresholdPercent: 100,
};

const kubeProxy = {
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'iptables',
  clusterCIDR: network.podRange,
  hostnameOverride: nodeName,
  oomScoreAdj: 0,
  clientConnection: { kubeconfig: state('proxy.kubeconfig') },
  // Late packets of a busy machine are no reason to drop them, and with them the end of a connection.
  conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s', tcpBeLiberal: true },
};

// Without masquerade: the machine has a route to pods, and a connection that needs no translation cannot lose it.
const podNetwork = {
  cniVersion: '1.0.0',
  name: 'test',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: network.podRange, gateway: network.podGateway }]],
        routes: [{ dst: '0.0.0.0/0' }],
        dataDir: '/run/cni',
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

// Every write, and every read by whoever is not a part of Kubernetes: so a test can ask who read which Secret.
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', nonResourceURLs: ['/*'] },
    { level: 'None', resources: [{ group: 'coordination.k8s.io' }, { group: '', resources: ['events'] }] },
    {
      level: 'None',
      users: ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler', 'system:kube-proxy'],
    },
    { level: 'None', userGroups: ['system:nodes', 'system:serviceaccounts:kube-system'] },
    { level: 'Metadata' },
  ],
};

// restrict_oom_score_adj: without it no sandbox starts where CAP_SYS_RESOURCE is missing.
const containerd = `version = 3
root = ${JSON.stringify(state('containerd'))}
state = "/run/containerd/state"
[grpc]
  address = "${containerdSocket}"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "lab.local/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = ${JSON.stringify(state('cni'))}
`;

const corefile = `.:53 {
  bind ${network.podGateway}
  kubernetes cluster.local {
    kubeconfig ${kubeconfig}
  }
}
`;

/** The certificates must be there. */
export const writeConfigFiles = async (): Promise<void> => {
  await Promise.all([
    ...['admin', 'controller-manager', 'scheduler', 'proxy', 'kubelet'].map(writeKubeconfig),
    writeJson('kubelet.json', kubelet),
    writeJson('kube-proxy.json', kubeProxy),
    writeJson('cni/10-test.conflist', podNetwork),
    writeJson('audit-policy.json', auditPolicy),
    write('containerd.toml', containerd),
    write('Corefile', corefile),
    write('resolv.conf', 'nameserver 127.0.0.1\n'),
  ]);
};
