// Builds OCI images without a registry: buildah, in a storage of its own, on a Debian that debootstrap made.
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { run } from './run.ts';
import { places } from './settings.ts';

export interface BuildImageOptions {
  readonly dockerfile: string;
  /** Folder that COPY and ADD read. */
  readonly context: string;
  /** e.g. lab.local/tool:1; never :latest, which would make the kubelet ask a registry. */
  readonly tag: string;
  /** BASE is the Debian base image unless given. */
  readonly buildArgs?: Readonly<Record<string, string>>;
}

export interface BuiltImage {
  readonly ref: string;
  /** OCI archive, named after the image's content: a second build of the same gives the same file. */
  readonly archive: string;
}

export const executorRef = 'lab.local/argoexec:1';
const pauseRef = 'lab.local/pause:1';
const baseRef = 'localhost/lc2-base:1';
const here = import.meta.dirname;

const buildah = (args: readonly string[]): Promise<{ readonly stdout: string }> => {
  const storage = ['--root', join(places.images, 'storage'), '--runroot', join(places.images, 'run')];
  return run(['buildah', ...storage, ...args], { env: { BUILDAH_ISOLATION: 'chroot' } });
};

const imageId = async (ref: string): Promise<string | undefined> => {
  const { stdout } = await buildah(['images', '--quiet', '--no-trunc', '--filter', `reference=${ref}`]);
  return /sha256:([0-9a-f]{64})/.exec(stdout)?.[1];
};

/** A build reaches Debian as this machine does; the files are lent to it, and no part of the image. */
const aptVolumes = (): string[] => {
  const lent = [
    ['sources.list', '/etc/apt/sources.list.d/builder.list'],
    ['apt.conf', '/etc/apt/apt.conf.d/99builder'],
  ] as const;
  return lent.flatMap(([file, target]) => ['--volume', `${join(places.images, 'base', 'apt', file)}:${target}:ro`]);
};

const build = async (options: BuildImageOptions, extra: readonly string[]): Promise<void> => {
  const buildArgs = Object.entries(options.buildArgs ?? {}).flatMap(([key, value]) => [
    '--build-arg',
    `${key}=${value}`,
  ]);
  await buildah([
    'bud',
    '--layers',
    '--pull-never',
    ...extra,
    ...buildArgs,
    '--file',
    resolve(options.dockerfile),
    '--tag',
    options.tag,
    resolve(options.context),
  ]);
};

const removeOlder = async (label: string, archive: string): Promise<void> => {
  const ofLabel = new RegExp(`^${label}-[0-9a-f]{12}\\.oci\\.tar$`);
  const files = (await readdir(places.images)).filter((file) => ofLabel.test(file) && file !== basename(archive));
  await Promise.all(files.map((file) => rm(join(places.images, file))));
};

const toArchive = async (ref: string): Promise<BuiltImage> => {
  const id = await imageId(ref);
  if (id === undefined) {
    throw new Error(`buildah built no image ${ref}`);
  }
  const label = ref.replaceAll(/[^a-z0-9]+/gi, '-');
  const archive = join(places.images, `${label}-${id.slice(0, 12)}.oci.tar`);
  if (!existsSync(archive)) {
    const fresh = `${archive}.new`;
    await rm(fresh, { force: true });
    await buildah(['push', '--quiet', '--disable-compression', ref, `oci-archive:${fresh}:${ref}`]);
    await rename(fresh, archive);
    await removeOlder(label, archive);
  }
  return { ref, archive };
};

/** The Debian base image, for build argument BASE. Made once per machine, in about 40 s. */
export const baseImage = async (): Promise<string> => {
  const folder = join(places.images, 'base');
  await mkdir(folder, { recursive: true });
  await run(['bash', join(here, '..', 'install', 'base-image.sh'), folder]);
  if ((await imageId(baseRef)) === undefined) {
    await build({ dockerfile: join(here, 'images', 'base.Dockerfile'), context: folder, tag: baseRef }, []);
  }
  return baseRef;
};

export const buildImage = async (options: BuildImageOptions): Promise<BuiltImage> => {
  const base = options.buildArgs?.['BASE'] ?? (await baseImage());
  await build({ ...options, buildArgs: { ...options.buildArgs, BASE: base } }, aptVolumes());
  return toArchive(options.tag);
};

const withContext = async (fill: (folder: string) => Promise<BuiltImage>): Promise<BuiltImage> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-image-'));
  try {
    return await fill(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** The container that holds a pod's namespaces: one static program. */
export const pauseImage = (): Promise<BuiltImage> =>
  withContext(async (folder) => {
    await copyFile('/usr/bin/catatonit', join(folder, 'catatonit'));
    await build({ dockerfile: join(here, 'images', 'pause.Dockerfile'), context: folder, tag: pauseRef }, []);
    return toArchive(pauseRef);
  });

/** Argo's init and wait containers. */
export const executorImage = (): Promise<BuiltImage> =>
  withContext(async (folder) => {
    await copyFile(join(places.programs, 'argoexec'), join(folder, 'argoexec'));
    await writeFile(join(folder, 'nsswitch.conf'), 'hosts: files dns\n');
    await mkdir(join(folder, 'tmp'));
    await chmod(join(folder, 'tmp'), 0o1777);
    await build({ dockerfile: join(here, 'images', 'argoexec.Dockerfile'), context: folder, tag: executorRef }, []);
    return toArchive(executorRef);
  });

/** A PostgreSQL 15 server; images/postgres-entrypoint.sh says how a pod sets it up. */
export const postgresImage = (): Promise<BuiltImage> =>
  buildImage({
    dockerfile: join(here, 'images', 'postgres.Dockerfile'),
    context: join(here, 'images'),
    tag: 'lab.local/postgres:1',
  });

/** Name of the image in an OCI archive. */
export const refOfArchive = async (archive: string): Promise<string | undefined> => {
  const { stdout } = await run(['tar', '-xOf', archive, 'index.json']);
  return /"org\.opencontainers\.image\.ref\.name":\s*"([^"]+)"/.exec(stdout)?.[1];
};
