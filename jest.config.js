/** Runs every package from its TypeScript source: no build step between an edit and its test. */
module.exports = {
  testEnvironment: 'node',
  // Tests start real processes, and a machine may have others to run: what is late is not wrong.
  testTimeout: 30_000,
  setupFilesAfterEnv: ['<rootDir>/test/tools/retries.js'],
  roots: ['<rootDir>/packages', '<rootDir>/services', '<rootDir>/examples', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['/dist/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
  moduleNameMapper: {
    '^@meseta/(model|protocol|kit|sdk|cli|testing)$': '<rootDir>/packages/$1/src/index.ts',
    '^@meseta/(master|agent|allocator|registry)/core$': '<rootDir>/services/$1/src/core.ts',
    '^@meseta/testing/(simulator|cluster)$': '<rootDir>/packages/testing/src/$1/index.ts',
    '^@meseta/(master|agent|allocator|registry)$': '<rootDir>/services/$1/src/index.ts',
  },
};
