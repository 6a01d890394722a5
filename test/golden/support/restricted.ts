/** What the Pod Security Standard `restricted` says against a pod, in its words of version 1.34; Linux only. */

type Json = Readonly<Record<string, unknown>>;

const recordOf = (value: unknown): Json => Object(value) as Json;
const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);

const volumeTypes = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);
const profiles = new Set<unknown>(['RuntimeDefault', 'Localhost']);

const typeOf = (context: Json): unknown => recordOf(context['seccompProfile'])['type'];

const containerProblems = (container: Json, pod: Json): string[] => {
  const context = recordOf(container['securityContext']);
  const { drop, add } = recordOf(context['capabilities']);
  const added = (Array.isArray(add) ? add : []).filter((name) => name !== 'NET_BIND_SERVICE');
  const seccomp = typeOf(context) ?? typeOf(pod);
  const problems: readonly (readonly [boolean, string])[] = [
    [context['privileged'] === true, 'privileged'],
    [context['allowPrivilegeEscalation'] !== false, 'allowPrivilegeEscalation is not false'],
    [!(Array.isArray(drop) && drop.includes('ALL')), 'capabilities are not dropped'],
    [added.length > 0, 'capabilities are added'],
    [(context['procMount'] ?? 'Default') !== 'Default', 'procMount'],
    [(context['runAsNonRoot'] ?? pod['runAsNonRoot']) !== true, 'may run as root'],
    [context['runAsUser'] === 0, 'runs as root'],
    [!profiles.has(seccomp), 'no seccomp profile'],
    [context['seLinuxOptions'] !== undefined || context['windowsOptions'] !== undefined, 'options of the host'],
    [listOf(container['ports']).some(({ hostPort }) => hostPort !== undefined && hostPort !== 0), 'a port of the host'],
  ];
  return problems.flatMap(([isWrong, what]) => (isWrong ? [`container ${String(container['name'])}: ${what}`] : []));
};

export const restrictedProblems = (pod: Json): string[] => {
  const context = recordOf(pod['securityContext']);
  const all = ['initContainers', 'containers', 'ephemeralContainers'].flatMap((kind) => listOf(pod[kind]));
  const volumes = listOf(pod['volumes']).flatMap((volume) =>
    Object.keys(volume).filter((key) => key !== 'name' && !volumeTypes.has(key)),
  );
  return [
    ...['hostNetwork', 'hostPID', 'hostIPC'].filter((key) => pod[key] === true),
    ...(context['runAsUser'] === 0 ? ['runs as root'] : []),
    ...(listOf(context['sysctls']).length > 0 ? ['sysctls'] : []),
    ...volumes.map((type) => `a volume of type ${type}`),
    ...all.flatMap((container) => containerProblems(container, context)),
  ];
};
