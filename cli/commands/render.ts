import { stringify } from 'yaml';
import { configMapName, renderConfigMapData } from '../../core/plan/environment.ts';
import { type Command, openFile, printJson, readArgs } from '../command.ts';
import { findEnvironment } from '../load-file.ts';

export const render: Command = {
  usage: 'render -f FILE [-e NAME] [--json]',
  summary: 'the ConfigMap of an environment, for use without the controller',
  run: (args, io) => {
    const { values } = readArgs(args, {}, { max: 0 });
    const environment = findEnvironment(openFile(values), values.environment);
    const { namespace } = environment;
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: configMapName(environment.name),
        ...(namespace === undefined ? {} : { namespace }),
        labels: { 'workflows.argoproj.io/configmap-type': 'Parameter' },
      },
      data: renderConfigMapData(environment),
    };
    if (values.json) printJson(io, configMap);
    // kubectl reads YAML 1.1: other versions leave `yes` and 1_000 unquoted.
    else io.stdout(stringify(configMap, { version: '1.1', lineWidth: 0 }));
    return Promise.resolve(0);
  },
};
