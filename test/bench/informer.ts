// The other side of the controller's bench: the informer of @kubernetes/client-node, as its documentation shows it.
import {
  CustomObjectsApi,
  KubeConfig,
  makeInformer,
  type KubernetesListObject,
  type KubernetesObject,
} from '@kubernetes/client-node';

const config = new KubeConfig();
config.loadFromDefault();
const api = config.makeApiClient(CustomObjectsApi);
const place = { group: 'argoproj.io', version: 'v1alpha1', plural: 'workflows' };
const list = async (): Promise<KubernetesListObject<KubernetesObject>> =>
  (await api.listClusterCustomObject(place)) as KubernetesListObject<KubernetesObject>;
const informer = makeInformer<KubernetesObject>(config, '/apis/argoproj.io/v1alpha1/workflows', list);
let count = 0;
const wanted = Number(process.argv[2]);
informer.on('add', () => {
  if (++count === wanted) process.send?.('synced');
});
await informer.start();
