/** The rules of the house, held against the repository. Each rule is tried on bad samples in samples.test.ts. */
import { describe, expect, test } from 'vitest'
import { repository } from '../support/repository.js'
import { missingEvidence } from './rules/evidence.js'
import { failpointsRule } from './rules/failpoints.js'
import { cyclesRule, layersRule } from './rules/layers.js'
import { locksRule } from './rules/locks.js'
import { namesOfTests } from './rules/names.js'
import { pythonFaults } from './rules/python.js'
import { castListRule, fileLengthRule, functionLengthRule, openingRule, typesRule } from './rules/shape.js'
import { allSources, type Rule } from './rules/sources.js'
import { notesRule, notRunRule, placesRule } from './rules/text.js'
import { doorsRule, makersRule, purityRule } from './rules/world.js'

const sources = allSources(repository)

const rules: readonly (readonly [sentence: string, rule: Rule])[] = [
  ['a room imports only lower layers, and only through their index.ts', layersRule],
  ['no file reaches itself again', cyclesRule],
  ['a package has one door', doorsRule],
  ['a pure room knows neither Node nor a clock', purityRule],
  ['below L6 only the makers of the world touch time, chance, files, sockets, processes and threads', makersRule],
  ['no file is longer than 400 lines', fileLengthRule],
  ['no function is longer than 60 lines', functionLengthRule],
  ['nothing goes around the type checker outside the listed files', typesRule],
  ['the list of files with casts names only files that have one', castListRule],
  ['each file opens with what it owns', openingRule],
  ['nothing is left to do', notesRule],
  ['every test runs', notRunRule],
  ['no path of a machine and no registry stands in a file', placesRule],
  ['each failpoint is called before and after its step', failpointsRule],
  ['lock files hold hashes and no addresses', locksRule],
  ['no Python function is longer than 60 lines, and none makes code of bytes', all => pythonFaults(all, repository)],
]

describe('the house', () => {
  test.for(rules)('%s', ([, rule]) => {
    expect(rule(sources)).toEqual([])
  })

  test('every row of the tables begins the name of a test', () => {
    expect(missingEvidence(namesOfTests(sources)).map(({ id, what }) => `${id}: ${what}`)).toEqual([])
  })
})
