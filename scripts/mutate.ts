// Mutation testing: breaks a file in one place at a time, in a copy of the project, and tells which breaks no test notices. `npx tsx scripts/mutate.ts --file lib/guard.ts --tests guard,authorize`
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import ts from 'typescript'

/** A change of the text from `start` to `end`. */
interface Mutant { start: number, end: number, replacement: string }

const root = join(import.meta.dirname, '..')
const NOT_COPIED = ['.git', '.tap', 'coverage', 'dist', 'node_modules']
/** A mutant that runs for longer than this has got into a loop. Long, so that a busy machine does not pass for one. */
const TIMEOUT_MS = 300_000

const OPERATORS: Record<string, string[]> = {
  '===': ['!=='],
  '!==': ['==='],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '&&': ['||'],
  '||': ['&&'],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '&': ['|'],
  '<<': ['>>'],
  '>>>': ['>>']
}
const METHODS: Record<string, string> = { some: 'every', every: 'some', min: 'max', max: 'min', floor: 'ceil' }

/** Every mutant of a program that still is one. Text of three words or more is for people, and left as it is. */
function mutantsOf (text: string): Mutant[] {
  const found: Mutant[] = []
  const source = ts.createSourceFile('mutant.ts', text, ts.ScriptTarget.Latest, true)

  function mutate (node: ts.Node, ...replacements: string[]): void {
    for (const replacement of replacements) found.push({ start: node.getStart(), end: node.end, replacement })
  }

  function visit (node: ts.Node): void {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return
    if (ts.isBinaryExpression(node)) {
      const { left, operatorToken, right } = node
      const operator = operatorToken.getText()
      mutate(operatorToken, ...OPERATORS[operator] ?? [])
      if (['&&', '||', '??'].includes(operator)) mutate(node, left.getText(), right.getText())
      if (operator === 'in') mutate(node, 'true', 'false')
    }
    if (ts.isConditionalExpression(node)) mutate(node, node.whenTrue.getText(), node.whenFalse.getText())
    if (ts.isIfStatement(node)) mutate(node.expression, 'true', 'false')
    if (ts.isPrefixUnaryExpression(node)) mutate(node, node.operand.getText())
    if (ts.isPostfixUnaryExpression(node)) mutate(node, node.operand.getText())
    if (node.kind === ts.SyntaxKind.TrueKeyword) mutate(node, 'false')
    if (node.kind === ts.SyntaxKind.FalseKeyword) mutate(node, 'true')
    if (ts.isNumericLiteral(node)) mutate(node, `${Number(node.text) + 1}`, `${Number(node.text) - 1}`)
    if ((ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) && !/[a-z]+ [a-z]+ [a-z]+/i.test(node.getText())) mutate(node, node.getText() === "''" ? "'mutant'" : "''")
    if (ts.isRegularExpressionLiteral(node)) mutate(node, node.text.replace('/^', '/'), node.text.replace(/\$\/(\w*)$/, '/$1'), node.text.replace(/\w+$/, ''))
    if (ts.isExpressionStatement(node) || ts.isThrowStatement(node)) mutate(node, ';')
    if (ts.isReturnStatement(node)) mutate(node, 'return')
    if (ts.isSpreadAssignment(node) || ts.isPropertyAssignment(node)) mutate(node, '...{}')
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { expression: { expression: object, name }, arguments: { length } } = node
      if (METHODS[name.text] !== undefined) mutate(name, METHODS[name.text] as string)
      if (length === 0) mutate(node, object.getText())
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found.filter((mutant) => {
    const mutated = apply(text, mutant)
    return mutated !== text && ts.transpileModule(mutated, { reportDiagnostics: true, compilerOptions: { target: ts.ScriptTarget.ES2023 } }).diagnostics?.length === 0
  })
}

function apply (text: string, { start, end, replacement }: Mutant): string {
  return text.slice(0, start) + replacement + text.slice(end)
}

const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const running = new Set<ChildProcess>()

/** Whether all tests pass in a copy of the project; stops at the first that does not. */
async function pass (folder: string, tests: string[]): Promise<boolean> {
  for (const test of tests) {
    const bundle = test.replace(/ts$/, 'mjs')
    // as one file, with the 700 of TypeBox in it, a test starts three times as fast
    await build({
      absWorkingDir: folder,
      entryPoints: [test],
      outfile: bundle,
      bundle: true,
      format: 'esm',
      platform: 'node',
      conditions: ['@fastify-token-auth/source'],
      external: Object.keys({ ...dependencies, ...devDependencies }).filter((name) => name !== 'typebox'),
      logLevel: 'error'
    })
    const child = spawn(process.execPath, [bundle], {
      cwd: folder,
      env: { ...process.env, TAP_BAIL: '1', TAP_TIMEOUT: `${TIMEOUT_MS / 1000}` },
      stdio: 'ignore',
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL'
    })
    running.add(child)
    const [code] = await once(child, 'exit')
    running.delete(child)
    if (code !== 0) return false
  }
  return true
}

const { values: { file, tests: names } } = parseArgs({ options: { file: { type: 'string' }, tests: { type: 'string' } } })
if (file === undefined || names === undefined) throw new TypeError('usage: mutate.ts --file lib/guard.ts --tests guard,authorize (the quickest first)')
const tests = names.split(',').map((name) => `test/${name}.test.ts`)

const text = readFileSync(join(root, file), 'utf8')
const copies: string[] = []
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  for (const copy of copies) rmSync(copy, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

function copyProject (): string {
  const copy = mkdtempSync(join(tmpdir(), 'mutants-'))
  copies.push(copy)
  cpSync(root, copy, { recursive: true, filter: (path) => !NOT_COPIED.includes(basename(path)) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

const mutants = mutantsOf(text)
const queue = [...mutants]
const survivors: Mutant[] = []

async function work (): Promise<void> {
  const copy = copyProject()
  if (!await pass(copy, tests)) throw new Error('the tests fail as it is')
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    writeFileSync(join(copy, file as string), apply(text, mutant))
    if (await pass(copy, tests)) survivors.push(mutant)
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, work))
for (const { start, end, replacement } of survivors.sort((one, other) => one.start - other.start)) {
  console.log(`${file}:${text.slice(0, start).split('\n').length} survived: ${text.slice(start, end)} -> ${replacement}`)
}
console.log(`${file}: ${mutants.length} mutants, ${mutants.length - survivors.length} killed, ${survivors.length} survived`)
