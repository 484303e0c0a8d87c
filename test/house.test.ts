import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { PROBLEMS, type ProblemCode } from '../src/shared/problem.ts'
import { Words } from '../src/words/words.ts'

const ROOT = join(import.meta.dirname, '..')
const SOURCE = join(ROOT, 'src')
const ARCHITECTURE = readFileSync(join(ROOT, 'docs/ARCHITECTURE.md'), 'utf8')

/** Rooms that are the same wherever and whenever they run. */
const PURE_ROOMS = ['address', 'wire', 'text', 'zone', 'engine']

/** Node's modules that reach outside the process. */
const OUTSIDE = ['child_process', 'dgram', 'dns', 'fs', 'fs/promises', 'http', 'net', 'os', 'worker_threads']

interface Import {
  readonly file: string
  readonly target: string
}

/** The rows of the table in ARCHITECTURE that follows a heading, as cells without their backquotes. */
function tableUnder(heading: string): string[][] {
  const [, text = ''] = ARCHITECTURE.split(`${heading}\n`)
  const [, table = ''] = /((?:^\|.*\n)+)/m.exec(text) ?? []
  const [, , ...rows] = table.trimEnd().split('\n')
  return rows.map(row =>
    row
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim().replaceAll('`', '')),
  )
}

const MAY_IMPORT = new Map(
  tableUnder('## Rooms').map(([room = '', , imports = '']) => [
    room.replace(/\/$/, ''),
    imports === 'nothing' ? [] : imports.split(' '),
  ]),
)
const RIM_FILES = new Set((MAY_IMPORT.get('rim') ?? []).filter(file => file.endsWith('.ts')))
const PACKAGE_HOMES = new Map(
  tableUnder('## Packages').map(([name = '', homes = '']) => [name, homes.split(' ')]),
)

function sourceFiles(): string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SOURCE, file), 'utf8')
  const specifiers = text.matchAll(
    /^(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]|\bimport\(\s*([^)]*?)\s*[,)]|\brequire\(\s*([^)]*?)\s*\)/gm,
  )
  return [...specifiers].map(([, from, bare, dynamic, required]) => {
    const specifier = from ?? bare ?? (dynamic ?? required ?? '').replace(/^['"]|['"]$/g, '')
    const isOwn = specifier.startsWith('.')
    return { file, target: isOwn ? relative(SOURCE, resolve(SOURCE, dirname(file), specifier)) : specifier }
  })
}

const IMPORTS = sourceFiles().flatMap(importsOf)

function roomOf(file: string): string {
  return file.split('/').length > 1 ? (file.split('/')[0] ?? '') : 'rim'
}

function isBuiltin(target: string): boolean {
  return target.startsWith('node:') && builtinModules.includes(target.slice('node:'.length))
}

test('every room and every file at the rim is in ARCHITECTURE, and every one in ARCHITECTURE is there', () => {
  const rooms = new Set(sourceFiles().map(roomOf))
  assert.deepEqual([...rooms].sort(), [...MAY_IMPORT.keys()].sort())
  const rim = sourceFiles().filter(file => roomOf(file) === 'rim')
  assert.deepEqual(rim.sort(), [...RIM_FILES].sort())
})

test('imports between rooms are those of the table in ARCHITECTURE, import() too', () => {
  const wrong = IMPORTS.filter(({ file, target }) => {
    if (!target.endsWith('.ts')) return false
    const [room, other] = [roomOf(file), roomOf(target)]
    return room !== 'rim' && room !== other && !(MAY_IMPORT.get(room) ?? []).includes(other)
  })
  assert.deepEqual(wrong, [])
})

test('no kind of tunnel imports from another one', () => {
  const kindOf = (file: string) => /^kind\/([^/]+)\//.exec(file)?.[1]
  const across = IMPORTS.filter(({ file, target }) => {
    const [own, other] = [kindOf(file), kindOf(target)]
    return own !== undefined && other !== undefined && own !== other
  })
  assert.deepEqual(across, [])
})

test('the table in ARCHITECTURE allows no import that nobody makes', () => {
  const made = new Set(IMPORTS.map(({ file, target }) => `${roomOf(file)} ${roomOf(target)}`))
  const idle = [...MAY_IMPORT]
    .filter(([room]) => room !== 'rim')
    .flatMap(([room, others]) => others.map(other => `${room} ${other}`))
    .filter(pair => !made.has(pair))
  assert.deepEqual(idle, [])
})

test('no two rooms import each other, on whatever way round', () => {
  const circles: string[] = []
  const visit = (room: string, path: readonly string[]) => {
    if (path.includes(room)) circles.push([...path, room].join(' → '))
    else for (const other of MAY_IMPORT.get(room) ?? []) visit(other, [...path, room])
  }
  for (const room of MAY_IMPORT.keys()) if (room !== 'rim') visit(room, [])
  assert.deepEqual(circles, [])
})

test('files do not import each other in a circle', () => {
  const values = new Map<string, string[]>()
  for (const { file, target } of IMPORTS) values.set(file, [...(values.get(file) ?? []), target])
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    if (done.has(file) || path.includes(file)) return
    for (const other of values.get(file) ?? []) visit(other, [...path, file])
    done.add(file)
  }
  for (const file of values.keys()) visit(file, [])
  assert.deepEqual(circles, [])
})

test('a package is named where the table in ARCHITECTURE says, and only packages of the table are', () => {
  const wrong = IMPORTS.filter(({ file, target }) => {
    if (target.endsWith('.ts') || isBuiltin(target)) {
      const homes = PACKAGE_HOMES.get(target)
      return homes !== undefined && !homes.some(home => file === home || file.startsWith(`${home}/`))
    }
    const name = target.startsWith('@') ? target.split('/').slice(0, 2).join('/') : target.split('/')[0]
    const homes = PACKAGE_HOMES.get(name ?? '') ?? []
    return !homes.some(home => file === home || file.startsWith(`${home}/`))
  })
  assert.deepEqual(wrong, [])
})

test('every home of a package in ARCHITECTURE is a file or a room', () => {
  const homes = [...PACKAGE_HOMES.values()].flat()
  assert.deepEqual(
    homes.filter(home => !existsSync(join(SOURCE, home))),
    [],
  )
})

test('pure rooms touch no socket, file, process, clock or random source', () => {
  const wrong = sourceFiles()
    .filter(file => PURE_ROOMS.includes(roomOf(file)))
    .filter(
      file =>
        importsOf(file).some(({ target }) => OUTSIDE.includes(target.replace(/^node:/, ''))) ||
        /Date\.now|performance\.now|Math\.random|randomBytes|process\.|setTimeout|setInterval/.test(
          readFileSync(join(SOURCE, file), 'utf8'),
        ),
    )
  assert.deepEqual(wrong, [])
})

test('docs/errors.md lists every code of the catalogue with its status and title, and no other', () => {
  const text = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
  const listed = [...text.matchAll(/^\| `([a-z0-9-]+)` \| (\d{3}) \| ([^|]+?) \|/gm)].map(
    ([, code, status, title]) => [code, Number(status), title],
  )
  assert.deepEqual(
    listed,
    (Object.keys(PROBLEMS) as ProblemCode[]).map(code => [
      code,
      PROBLEMS[code].status,
      Words.load().fallback.title(code),
    ]),
  )
})

test('the entry imports nothing of ours before the compile cache is on', () => {
  const text = readFileSync(join(SOURCE, 'cli.ts'), 'utf8')
  assert.doesNotMatch(text, /^import\s[^(]*?['"]\./m)
  assert.match(text, /enableCompileCache\([\s\S]*await import\('\.\/program\.ts'\)/)
})

test('comments name the amount that they speak of, and say if where they mean if', () => {
  const vague = /\bso (?:many|much)\b|\b(?:undefined|rejects|throws|true|false|null|empty|0),? where\b/i
  const found = sourceFiles().flatMap(file => {
    const text = readFileSync(join(SOURCE, file), 'utf8')
    const comments = Array.from(text.matchAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/ .*/gm), ([comment]) => comment)
    return comments
      .map(comment => comment.replaceAll(/\n\s*\* /g, ' '))
      .filter(comment => vague.test(comment))
  })
  assert.deepEqual(found, [])
})
