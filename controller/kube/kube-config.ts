/** The one part of the client that is used: named here, so that a bundle leaves out its 3 MB of models. */
export { KubeConfig } from '@kubernetes/client-node';
