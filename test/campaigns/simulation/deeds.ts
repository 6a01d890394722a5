import { environmentObject, namespace, put } from '../../fakes/kube/fixtures.ts';
import { StatusError } from '../../fakes/kube/objects.ts';
import type { Deed } from './plan.ts';
import type { RequestTruth, World } from './world.ts';

/** What people do to the first request, its Workflow and its environment. What is not there cannot be touched. */
const deed: Readonly<Record<Deed, (world: World, ms: number) => void>> = {
  'delete workflow': (world) => {
    removeWorkflow(world);
  },
  /** As Argo's housekeeping does, `ms` after the end. */
  'expire workflow': (world, ms) => {
    const look = (): void => {
      const ended = ownWorkflow(world, (phase) => phase === 'Succeeded' || phase === 'Failed');
      if (ended === undefined) world.after(500, look);
      else
        world.after(ms, () => {
          world.fault();
          removeWorkflow(world);
        });
    };
    look();
  },
  'recreate workflow': (world, ms) => {
    const before = ownWorkflow(world, () => true);
    if (before === undefined) return;
    removeWorkflow(world);
    world.after(ms, () => {
      world.fault();
      const { name, labels, annotations } = before.metadata;
      const metadata = { name, namespace, labels, annotations } as typeof before.metadata;
      const { shutdown: _shutdown, ...spec } = before.spec ?? {};
      tolerant(() => world.server.objects.create('workflows', namespace, { ...before, metadata, spec, status: {} }));
    });
  },
  cancel: (world) => {
    edit(world, (request, objects) => {
      objects.edit(request.plural, { name: request.name, namespace }, (object) => {
        object.spec = { ...object.spec, cancel: true };
      });
      request.cancelledAt = world.now();
    });
  },
  'delete request': (world) => {
    deleteRequest(world);
  },
  'recreate request': (world, ms) => {
    const request = deleteRequest(world);
    if (request === undefined) return;
    const look = (): void => {
      if (request.goneAt === undefined) world.after(500, look);
      else
        world.after(ms, () => {
          world.fault();
          world.addRequest(request.name);
        });
    };
    look();
  },
  /** Somebody takes the finalizer away, as those do who are in a hurry. */
  'force request away': (world) => {
    const request = deleteRequest(world);
    if (request === undefined) return;
    tolerant(() =>
      world.server.objects.edit(request.plural, { name: request.name, namespace }, (object) => {
        delete object.metadata.finalizers;
      }),
    );
  },
  'edit environment': (world) => {
    setSpec(world, { scheduling: { deadline: '12h' } });
  },
  'break environment': (world, ms) => {
    setSpec(world, { storage: { url: 'file:///backups' } });
    world.after(ms, () => {
      world.fault();
      world.deeds.push({ at: world.now(), what: 'mend environment' });
      setSpec(world, {});
    });
  },
  'delete environment': (world, ms) => {
    const { objects } = world.server;
    const owner = objects.tryGet('backupenvironments', namespace, 'prd');
    if (owner === undefined) return;
    objects.remove('backupenvironments', namespace, 'prd');
    // With its owner goes the ConfigMap.
    world.after(1000, () => {
      const map = objects.tryGet('configmaps', namespace, 'backup-environment-prd');
      const owners = map === undefined ? [] : (map.metadata as { ownerReferences?: { uid: string }[] }).ownerReferences;
      if (owners?.some(({ uid }) => uid === owner.metadata.uid) === true)
        objects.remove('configmaps', namespace, 'backup-environment-prd');
    });
    world.after(ms, () => {
      world.fault();
      world.deeds.push({ at: world.now(), what: 'mend environment' });
      tolerant(() => put(world.server.objects, environmentObject()));
    });
  },
  'refuse workflows': (world, ms) => {
    world.server.weather.refusesWorkflows = true;
    world.after(ms, () => {
      world.fault();
      world.server.weather.refusesWorkflows = false;
    });
  },
};

export const doDeed = (world: World, what: Deed, ms: number): void => {
  world.deeds.push({ at: world.now(), what });
  deed[what](world, ms);
};

const tolerant = (act: () => unknown): void => {
  try {
    act();
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
  }
};

const ownWorkflow = ({ server, requests }: World, wanted: (phase: string) => boolean) =>
  server.objects
    .list('workflows')
    .find(
      ({ metadata, status, spec }) =>
        metadata.labels?.['backup.lc2.dev/request-uid'] === requests[0]?.uid &&
        (spec?.['workflowTemplateRef'] as { name?: string } | undefined)?.name !== 'lc2-verify' &&
        wanted(String(status?.['phase'])),
    );

const removeWorkflow = (world: World): void => {
  const found = ownWorkflow(world, () => true);
  if (found !== undefined) world.server.objects.remove('workflows', namespace, found.metadata.name);
};

const edit = (world: World, change: (request: RequestTruth, objects: World['server']['objects']) => void): void => {
  const [request] = world.requests;
  if (request !== undefined && request.goneAt === undefined) change(request, world.server.objects);
};

const deleteRequest = (world: World): RequestTruth | undefined => {
  const [request] = world.requests;
  if (request === undefined || request.deletedAt !== undefined) return undefined;
  request.deletedAt = world.now();
  world.server.objects.remove(request.plural, namespace, request.name);
  return request;
};

const setSpec = (world: World, spec: Record<string, unknown>): void => {
  tolerant(() =>
    world.server.objects.edit('backupenvironments', { name: 'prd', namespace }, (object) => {
      object.spec = environmentObject('prd', spec).spec ?? {};
    }),
  );
};
