// The house style: neostandard, TypeScript included.
import neostandard from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: ['dist/**', 'coverage/**', '.tap/**', '.api/**', 'node_modules/**', 'test/consumer/**'] }),
  {
    files: ['**/*.ts'],
    // merged interfaces must repeat type parameters that they do not use
    rules: { '@typescript-eslint/no-unused-vars': ['error', { args: 'none', varsIgnorePattern: '^(RawServer|TypeProviderDefault|LoggerDefault)$' }] }
  }
]
