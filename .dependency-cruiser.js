/** The arrows of the house; docs/ARCHITECTURE.md draws them. `npx depcruise packages services examples` checks them. */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle means that two files are one.',
      severity: 'error',
      from: { pathNot: '/gen/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'services-meet-in-protos',
      comment: 'A service imports no other service: they meet in protos/.',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/([^/]+)/', pathNot: '^services/$1/' },
    },
    {
      name: 'nothing-imports-a-service',
      comment:
        'Packages and examples never reach into the control plane; the command line starts it as processes.',
      severity: 'error',
      from: { path: '^(packages|examples)/', pathNot: ['^packages/testing/', '\\.test\\.ts$'] },
      to: { path: '^services/' },
    },
    {
      name: 'state-is-pure',
      comment:
        'A state/ folder reaches @meseta/model and nothing else, so it cannot read a clock or a socket even by accident.',
      severity: 'error',
      from: { path: '^services/[^/]+/src/state/', pathNot: '\\.test\\.ts$' },
      to: {
        pathNot: ['^services/[^/]+/src/state/', '^packages/model/'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'model-imports-nothing',
      severity: 'error',
      from: { path: '^packages/model/src/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^packages/model/src/' },
    },
    {
      name: 'frameworks-are-strangers',
      comment:
        'What runs on the cluster sees what a stranger would: sdk, model and kit (the demonstration also starts a cluster).',
      severity: 'error',
      from: { path: '^(frameworks|examples)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^packages/', pathNot: '^packages/(sdk|model|kit|cli)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['/dist/', '/testdata/'] },
    tsConfig: { fileName: 'tsconfig.check.json' },
    tsPreCompilationDeps: 'specify',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
