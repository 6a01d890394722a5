import type { StepContract } from '../../core/steps/contract.ts';
import { stepContracts } from '../../core/steps/index.ts';
import { recordTable } from './fields.ts';
import { code, page, table } from './markdown.ts';

const contracts: readonly StepContract[] = Object.values(stepContracts);

const section = (contract: StepContract): string =>
  [
    `## ${contract.name}`,
    `${contract.title}. Its result, in ${code(`steps/${contract.name}.json`)}` +
      `${contract.result === undefined ? '' : ` and in the run’s output ${code(contract.result)}`}:`,
    recordTable(contract.output),
  ].join('\n\n');

export const stepsPage = (): string =>
  page(
    'Steps',
    table(
      ['step', 'image', 'Secrets', 'cpu', 'memory, limit', 'scratch', 'progress', 'state'],
      contracts.map(({ name, image, secrets, resources, share, state }) => [
        code(name),
        image,
        secrets.join(', '),
        resources.cpu,
        `${resources.memory}, ${resources.memoryLimit}`,
        resources.scratch,
        `${share}%`,
        state,
      ]),
    ),
    ...contracts.map(section),
  );
