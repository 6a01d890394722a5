import { ApiObject, Duration, JsonPatch, Size } from 'cdk8s';
import {
  Capability,
  Cpu,
  Deployment,
  DeploymentStrategy,
  ImagePullPolicy,
  type IServiceAccount,
  LabelSelector,
  Probe,
  SeccompProfileType,
} from 'cdk8s-plus-28';
import type { Construct } from 'constructs';
import type { Images } from './images.ts';
import { commonLabels, controllerName, installNamespace } from './names.ts';

const port = 8080;
const user = 65_532;
/** What it holds is small, but pages of Workflows are not: without a bound their garbage is let grow to several times as much. */
export const controllerFlags = ['--max-semi-space-size=8'] as const;

/** One replica, replaced and never doubled: the controller elects no leader. */
export const controllerDeployment = (scope: Construct, account: IServiceAccount, images: Images): void => {
  const labels = { ...commonLabels, 'app.kubernetes.io/component': 'controller' };
  const deployment = new Deployment(scope, 'controller', {
    metadata: { name: controllerName, namespace: installNamespace, labels },
    podMetadata: { labels },
    select: false,
    replicas: 1,
    strategy: DeploymentStrategy.recreate(),
    serviceAccount: account,
    automountServiceAccountToken: true,
    terminationGracePeriod: Duration.seconds(30),
    securityContext: { ensureNonRoot: true, user, group: user, fsGroup: user },
    containers: [
      {
        name: 'controller',
        image: images.controller,
        imagePullPolicy: ImagePullPolicy.IF_NOT_PRESENT,
        command: ['node', ...controllerFlags, '/app/controller.mjs'],
        ports: [{ name: 'health', number: port }],
        liveness: Probe.fromHttpGet('/healthz', { port, periodSeconds: Duration.seconds(10), failureThreshold: 6 }),
        readiness: Probe.fromHttpGet('/readyz', { port, periodSeconds: Duration.seconds(5) }),
        startup: Probe.fromHttpGet('/healthz', { port, periodSeconds: Duration.seconds(1), failureThreshold: 60 }),
        resources: {
          cpu: { request: Cpu.millis(50) },
          memory: { request: Size.mebibytes(128), limit: Size.mebibytes(512) },
        },
        securityContext: {
          user,
          group: user,
          ensureNonRoot: true,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: [Capability.ALL] },
          seccompProfile: { type: SeccompProfileType.RUNTIME_DEFAULT },
        },
      },
    ],
  });
  deployment.select(LabelSelector.of({ labels: { 'app.kubernetes.io/component': 'controller', ...commonLabels } }));
  // Made from the construct's path, so it would differ between files with the same Deployment.
  ApiObject.of(deployment).addJsonPatch(JsonPatch.remove('/spec/template/metadata/labels/cdk8s.io~1metadata.addr'));
  // A Service of this namespace must not become LC2_CONTROLLER_* variables, which the controller takes for settings.
  ApiObject.of(deployment).addJsonPatch(JsonPatch.add('/spec/template/spec/enableServiceLinks', false));
};
