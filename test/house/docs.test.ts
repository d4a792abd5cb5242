/** Files and pages that documents name are there: a file that moves takes its name in them along. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('../..', import.meta.url))
const documents = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: project })].sort()
const decisions = 'docs/decisions'

/** A path of this project, from its root; `src/setup/tasks/*.ts` names a folder and what is in it. */
const ownPath = /(?<![\w./-])(?:src|test|scripts|bin|bench|templates|packaging|docs)\/[\w./*-]*[\w/*]/g

test('each path of this project that a document names is there', () => {
  assert.deepEqual(documents.flatMap(missingPaths), [])
})

test('each file that a document names is named from the root of this project, so that it can be found', () => {
  const named = documents.flatMap((file) =>
    [...read(file).matchAll(/`([\w][\w./-]*\.(?:ts|js|cjs|jsonc?))`/g)]
      .map((found) => found[1] ?? '')
      .filter((path) => !existsSync(join(project, path)))
      .map((path) => `${file}: ${path}`),
  )
  assert.deepEqual(named, [])
})

test('each link of a document leads somewhere', () => {
  const dead = documents.flatMap((file) =>
    [...read(file).matchAll(/\]\(([^)\s]+)\)/g)]
      .map((found) => found[1] ?? '')
      .filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(file, target))
      .map((target) => `${file}: ${target}`),
  )
  assert.deepEqual(dead, [])
})

test('each test file that one of the test commands names is there, and so is each document that the code names', () => {
  const commands = globSync('test/{,*/}run.ts', { cwd: project })
  const sources = globSync('{src,scripts,test,bench}/**/*.ts', { cwd: project })
  const pages = sources.flatMap((file) =>
    [...read(file).matchAll(/\bdocs\/[\w./-]+\.md\b/g)]
      .filter(([path]) => !existsSync(join(project, path)))
      .map(([path]) => `${file}: ${path}`),
  )
  assert.deepEqual([...commands.flatMap(missingPaths), ...pages], [])
})

test('decisions have numbers without a gap, and each is in the index', () => {
  const pages = globSync('[0-9]*.md', { cwd: join(project, decisions) }).sort()
  assert.deepEqual(
    pages.map((page) => Number(page.slice(0, 4))),
    pages.map((_page, index) => index + 1),
  )
  const index = read(`${decisions}/README.md`)
  assert.deepEqual(
    [...index.matchAll(/\]\((\d{4}-[\w-]+\.md)\)/g)].map((found) => found[1]),
    pages,
  )
  const titles = pages.map((page) => [page, /^# (\d+)\. /.exec(read(`${decisions}/${page}`))?.[1]])
  assert.deepEqual(
    titles,
    pages.map((page) => [page, String(Number(page.slice(0, 4)))]),
  )
})

function missingPaths(file: string): string[] {
  return [...read(file).matchAll(ownPath)]
    .map(([path]) => path)
    .filter((path) => (path.includes('*') ? globSync(path, { cwd: project }).length === 0 : !isThere(path)))
    .map((path) => `${file}: ${path}`)
}

function isThere(path: string): boolean {
  return existsSync(join(project, path))
}

function leadsSomewhere(file: string, target: string): boolean {
  const [path = '', anchor] = target.split('#')
  const page = path === '' ? file : normalize(join(dirname(file), path))
  if (!isThere(page)) return false
  return anchor === undefined || anchorsOf(page).includes(anchor)
}

/** As GitHub and GitLab make them of headings. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map((found) =>
    (found[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function read(file: string): string {
  return readFileSync(join(project, file), 'utf8')
}
