/** The files of a new project that say its name and the versions it uses. Pure: texts by file name. */

export interface ProjectFacts {
  readonly name: string
  /** What package.json says of this package: a version, or `file:` and a path. */
  readonly anabranch: string
  readonly pins: Readonly<Record<string, string>>
}

export function projectFiles(facts: ProjectFacts): Readonly<Record<string, string>> {
  return {
    'package.json': `${JSON.stringify(packageJson(facts), null, 2)}\n`,
    'tsconfig.json': `${JSON.stringify(tsconfig, null, 2)}\n`,
    'requirements.txt': `# Python packages of this project; after a change: npx anabranch setup\npytest>=8\n`,
    '.gitignore': ['node_modules/', '.venv/', 'out/', '__pycache__/', ''].join('\n'),
    'README.md': readme(facts.name),
  }
}

function packageJson({ name, anabranch, pins }: ProjectFacts): unknown {
  return {
    name,
    private: true,
    type: 'module',
    scripts: {
      // An edit of transforms.py makes its types file stale, which run refuses.
      prestart: 'anabranch types transforms.py',
      start: 'anabranch run job.ts',
      dev: 'anabranch dev job.ts',
      pretest: 'anabranch types transforms.py',
      test: 'tsc --noEmit && node --import tsx --test test/job.test.ts && .venv/bin/python -m pytest -q',
      setup: 'anabranch setup',
      types: 'anabranch types transforms.py',
    },
    dependencies: { anabranch },
    devDependencies: { '@types/node': pins['@types/node'], tsx: pins['tsx'], typescript: pins['typescript'] },
  }
}

const tsconfig = {
  compilerOptions: {
    target: 'ES2023',
    module: 'NodeNext',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    verbatimModuleSyntax: true,
    types: ['node'],
  },
  include: ['*.ts', 'test/*.ts'],
}

const readme = (name: string): string => `# ${name}

A job that reads \`input/orders.jsonl\`, calls the Python function \`bill\` on each order and writes \`out/first/bills/\`.

    npm install
    npm start       runs the job
    npm test        types, the TypeScript test, the Python test
    npm run dev     runs it again whenever a file changes

| File | What is in it |
|---|---|
| \`job.ts\` | where rows come from, what is called, where they go |
| \`transforms.py\` | the functions that are called, each with the columns that it takes and gives |
| \`transforms.anabranch.ts\` | what \`transforms.py\` declares, for TypeScript; \`npm run types\` writes it, commit it |
| \`test/\` | a test in each language |
| \`requirements.txt\` | Python packages that your functions use; \`npm run setup\` installs them in \`.venv\` |

One order has a quantity that is no number. It is not lost and does not stop the others: it is a dead letter, with its
line and the reason, in \`out/first/dead-letters/\`.

When a function of yours raises:

    npx anabranch dlq list out/first                which rows, and why
    npx anabranch dlq show out/first 1              your line, the row, the traceback
    npx anabranch dlq replay out/first 1 --pdb      the debugger, where it raised, with the same rows
    npx anabranch dlq replay out/first 1 --as-test > test/test_first_1.py
                                                    a test that fails as the call did
    npm start                                       mended: the job again

\`npm install\` may list install scripts of dependencies that are not allowed to run: none of them has to.

What an error code means: \`npx anabranch explain ANB2104\`. What is wrong with a machine: \`npx anabranch doctor\`.
`
