import js from '@eslint/js'
import tseslint from 'typescript-eslint'

const MODULE_STATE = 'State belongs to objects: make it a field, or pass it as an argument.'

/** What is not for this project, by its shape. Keep `test/architecture.test.ts` in mind: some rules live there. */
const restrictedSyntax = [
  { selector: 'Program > VariableDeclaration[kind!="const"]', message: MODULE_STATE },
  { selector: 'Program > ExportNamedDeclaration > VariableDeclaration[kind!="const"]', message: MODULE_STATE },
  { selector: 'ExportAllDeclaration', message: 'List what is exported by hand: the front door is narrow.' },
  { selector: 'TSEnumDeclaration', message: 'Say it as a union of strings.' },
  {
    selector:
      ':matches(ImportDeclaration, ExportNamedDeclaration, ImportExpression)[source.value=/^\\.{1,2}\\u002F(?!.*\\.(ts|js|json)$)/]',
    message: 'A relative import carries its extension.',
  },
]

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'node_modules'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'no-restricted-syntax': ['error', ...restrictedSyntax],
      eqeqeq: 'error',
      'no-console': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/promise-function-async': [
        'error',
        { checkArrowFunctions: false, checkMethodDeclarations: false, checkFunctionDeclarations: false },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // `while (true)` and `for (;;)` are how a loop that ends inside is written.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // An explicit type on every export is asked for by isolatedDeclarations, also where it could be inferred.
      '@typescript-eslint/no-inferrable-types': 'off',
      // A setter-less `get name(): string { return 'x' }` and a literal field are the same to us.
      '@typescript-eslint/class-literal-property-style': 'off',
      // Interfaces promise asynchronous verbs; some implementations have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // Index signatures say "any name"; Record says the same where the key has a type.
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      // Where an assertion is needed, `as` names the type; `!` is not allowed.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      '@typescript-eslint/consistent-generic-constructors': 'off',
      // `() => resolve()` is clear enough.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // What is thrown may be anything, and is printed all the same.
      '@typescript-eslint/no-base-to-string': 'off',
      // A walk along a linked list may start here.
      '@typescript-eslint/no-this-alias': 'off',
    },
  },
  {
    files: ['test/**', 'bench/**', 'examples/**'],
    rules: {
      'no-console': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // A test file is one closure that vitest calls once: `let` before its `beforeEach` is how a fixture is shared.
    files: ['test/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...restrictedSyntax.filter(({ message }) => message !== MODULE_STATE),
        { selector: "CallExpression[callee.property.name='only']", message: 'The other tests would not run.' },
      ],
    },
  },
  {
    files: ['**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { process: 'readonly' } },
  },
)
