// Ends and removes all that a cluster made on this machine, also when the run that made it was killed.
// What is in our network namespace or below our cgroup is ours; nothing else is touched.
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { run } from './run.ts';
import { daemons, name, network, places } from './settings.ts';

const namespaceFile = `/run/netns/${name}`;
const cgroupRoot = '/sys/fs/cgroup';

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** What a process that ends meanwhile answers: nothing. */
const unlessGone = <T>(look: () => T): T | undefined => {
  try {
    return look();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENODEV' || code === 'EACCES' || code === 'EBUSY') {
      return undefined;
    }
    throw error;
  }
};

const foldersBelow = (folder: string): string[] => {
  const entries = unlessGone(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  const children = entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
  return children.flatMap((child) => [...foldersBelow(child), child]);
};

/** Our cgroup in every hierarchy, on a machine with cgroup v1 or v2. */
const ownCgroups = (): string[] => {
  const hierarchies = unlessGone(() => readdirSync(cgroupRoot, { withFileTypes: true })) ?? [];
  const roots = [
    cgroupRoot,
    ...hierarchies.filter((entry) => entry.isDirectory()).map((entry) => join(cgroupRoot, entry.name)),
  ];
  return roots.map((root) => join(root, name)).filter((folder) => existsSync(folder));
};

const cgroupProcesses = (): string[] =>
  ownCgroups()
    .flatMap((folder) => [folder, ...foldersBelow(folder)])
    .flatMap((folder) => lines(unlessGone(() => readFileSync(join(folder, 'cgroup.procs'), 'utf8')) ?? ''));

const namespaceProcesses = async (): Promise<string[]> =>
  existsSync(namespaceFile) ? lines((await run(['ip', 'netns', 'pids', name])).stdout) : [];

const isZombie = (pid: string): boolean =>
  /^\d+ \(.*\) Z /s.test(unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? '');

const ownProcesses = async (): Promise<number[]> => {
  const pids = new Set([...(await namespaceProcesses()), ...cgroupProcesses()]);
  return [...pids].filter((pid) => existsSync(`/proc/${pid}`) && !isZombie(pid)).map(Number);
};

const endProcesses = async (): Promise<void> => {
  // Again and again: a shim may have started one more while we looked.
  for (let round = 0; round < 100; round += 1) {
    const pids = await ownProcesses();
    if (pids.length === 0) {
      return;
    }
    for (const pid of pids.filter((candidate) => candidate > 1 && candidate !== process.pid)) {
      unlessGone(() => process.kill(pid, 'SIGKILL'));
    }
    await sleep(100);
  }
};

const removeCgroups = async (): Promise<void> => {
  for (let round = 0; round < 50 && ownCgroups().length > 0; round += 1) {
    for (const folder of ownCgroups().flatMap((root) => [...foldersBelow(root), root])) {
      unlessGone(() => rmdirSync(folder));
    }
    await sleep(round === 0 ? 0 : 100);
  }
};

const mounts = (): string[] =>
  lines(readFileSync('/proc/self/mountinfo', 'utf8')).filter(
    (line) => line.includes(` ${places.state}`) || line.includes(`/${name}`) || line.includes(` ${name} `),
  );

const links = async (): Promise<string[]> =>
  lines((await run(['ip', '-oneline', 'link', 'show'])).stdout).filter((line) => line.includes(`: ${name}-`));

const routes = async (): Promise<string[]> =>
  lines((await run(['ip', 'route', 'show'])).stdout).filter((line) => line.includes(network.nodeAddress));

/** Rules of the kind that the node's programs write, in the machine's own network namespace. */
export const firewallRules = async (): Promise<string[]> => {
  const { stdout } = await run(['iptables-save']);
  return lines(stdout).filter((line) => !line.startsWith('#') && /KUBE-|CNI-/.test(line.replace(/\[\d+:\d+\]/, '')));
};

const daemonProcesses = (): string[] => {
  const files = [...daemons, 'containerd-shim-runc-v2'].map((program) => join(places.programs, program));
  const programs = new Set(files.filter((file) => existsSync(file)).map((file) => realpathSync(file)));
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      const program = unlessGone(() => readlinkSync(`/proc/${pid}/exe`));
      return program !== undefined && programs.has(program) ? [`process ${pid} (${basename(program)})`] : [];
    });
};

/** One line for everything of a cluster that is still there; firewall rules count when they were not there before. */
export const leftovers = async (rulesBefore: readonly string[]): Promise<string[]> => [
  ...(await ownProcesses()).map((pid) => `process ${pid}`),
  ...daemonProcesses(),
  ...mounts().map((line) => `mount ${line}`),
  ...(existsSync(namespaceFile) ? [`network namespace ${name}`] : []),
  ...(await links()).map((line) => `link ${line}`),
  ...(await routes()).map((line) => `route ${line}`),
  ...(await firewallRules()).filter((rule) => !rulesBefore.includes(rule)).map((rule) => `firewall rule ${rule}`),
  ...ownCgroups().map((folder) => `cgroup ${folder}`),
  ...(existsSync(places.state) ? [`folder ${places.state}`] : []),
];

export const sweep = async (): Promise<void> => {
  await endProcesses();
  if (existsSync(namespaceFile)) {
    await run(['ip', 'netns', 'delete', name]);
    // `ip netns` mounted the folder on itself; with other namespaces in it, umount says so (32) and it stays.
    await run(['umount', dirname(namespaceFile)], { allow: [32] });
  }
  if ((await links()).some((line) => line.includes(`: ${network.hostLink}`))) {
    // The pair goes with the namespace, a moment later: then there is nothing left to delete.
    await run(['ip', 'link', 'delete', network.hostLink], { allow: [1] });
  }
  await removeCgroups();
  // The node's mounts ended with its last process. Should one show here, deleting would reach into it.
  const visible = mounts();
  if (visible.length > 0) {
    throw new Error(`mounts of the test cluster are still there:\n${visible.join('\n')}`);
  }
  await rm(places.state, { recursive: true, force: true });
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await sweep();
}
