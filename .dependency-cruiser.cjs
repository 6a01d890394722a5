/** Who may import whom. scripts/imports.ts runs this and fails when nothing was cruised. */
const rule = (name, from, to) => ({ name, severity: 'error', from, to });
const sdk = 'node_modules/(@aws-sdk|@smithy|@azure|@google-cloud|google-auth-library|googleapis|@googleapis|pg)/';

module.exports = {
  forbidden: [
    rule('no-circular', {}, { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } }),
    rule('core-is-pure', { path: '^core/' }, { pathNot: ['^core/', 'node_modules/zod/'] }),
    rule('templates-see-core', { path: '^templates/' }, { path: '^(steps|controller|cli)/' }),
    rule(
      'controller-sees-core',
      { path: '^controller/' },
      { path: '^(templates|cli)/|^steps/(?!runtime/logger\\.ts)' },
    ),
    rule('steps-see-core', { path: '^steps/' }, { path: '^(templates|controller|cli)/' }),
    rule('cli-sees-core-and-steps', { path: '^cli/' }, { path: '^(templates|controller)/' }),
    rule(
      'steps-are-islands',
      { path: '^steps/[^/]+\\.ts$', pathNot: '^steps/(main|adapters)\\.ts$' },
      { path: '^steps/(stores|movers|engines|services)/' },
    ),
    rule('adapters-are-islands', { path: '^steps/(stores|movers|engines|services)/' }, { path: '^steps/[^/]+\\.ts$' }),
    rule('stores-know-no-movers', { path: '^steps/stores/' }, { path: '^steps/(movers|engines)/' }),
    rule('engines-know-no-stores', { path: '^steps/engines/' }, { path: '^steps/(movers|stores|services)/' }),
    rule('services-know-nobody', { path: '^steps/services/' }, { path: '^steps/(movers|stores|engines)/' }),
    rule(
      'sdk-only-in-adapters',
      { path: '^(core|steps|templates|controller|cli)/', pathNot: '^steps/(stores|movers|engines|services)/' },
      { path: sdk },
    ),
    rule('nobody-imports-tests', { path: '^(core|steps|templates|controller|cli)/' }, { path: '^test/' }),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
