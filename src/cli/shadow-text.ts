/** What a shadow saw, as somebody reads it who is about to swap: whether it is the same, how much was looked at, and what differs first. */
import { type ShadowReport, type ShadowStage, type ShadowTable } from '../runtime/index.js'
import { counted, whole } from './progress.js'

const verdicts = {
  equal: 'equal: the new code gives what the running one gives',
  different: 'different: the new code does not give what the running one gives',
  nothing: 'nothing was compared',
} as const satisfies Record<ShadowReport['verdict'], string>

const endings = {
  done: '',
  job: ', until the job ended',
  swap: ', until the code of the job was swapped',
  replaced: ', until another shadow took its place',
  lost: ', until its worker was lost too often',
} as const satisfies Record<ShadowReport['ended'], string>

/** Lines of a traceback, from its end: the user's own stand there. */
const tracebackLinesMax = 12

/** Several lines, no final newline. */
export function shadowText(report: ShadowReport): string {
  const { verdict, ended, seconds, losses, stages, swap } = report
  return [
    verdicts[verdict],
    `  ${ofThem(report)}${endings[ended]}, in ${seconds.toFixed(1)} s`,
    ...(losses > 0
      ? [`  its worker was lost ${losses === 1 ? 'once' : `${losses} times`}; the job was not touched`]
      : []),
    ...(swap === null ? [] : [`  a swap to it would be refused: ${swap.code} ${swap.message}`]),
    ...stages.flatMap(stageLines),
  ].join('\n')
}

function ofThem({ rowsSeen, rowsCompared }: Pick<ShadowReport, 'rowsSeen' | 'rowsCompared'>): string {
  const share = rowsSeen === 0 ? 100 : Math.floor((100 * rowsCompared) / rowsSeen)
  return `compared ${whole(rowsCompared)} of ${counted(rowsSeen, 'row')} that came (${share} %)`
}

function stageLines(stage: ShadowStage): readonly string[] {
  const { usPerRow, dead, failures, failedOnlyInOld } = stage
  const cost =
    usPerRow === null ? '' : `, ${us(usPerRow.old)} a row in the running code, ${us(usPerRow.new)} in the new`
  return [
    `operator "${stage.stage}": ${counted(stage.rowsCompared, 'row')}${cost}`,
    ...stage.tables.flatMap(tableLines),
    ...deadLines(dead),
    ...failures.flatMap(({ calls, rows, code, message, traceback }) => [
      `  ${counted(calls, 'call')} of ${counted(rows, 'row')} failed in the new code: ${code} ${message}`,
      ...traceback
        .trimEnd()
        .split('\n')
        .slice(-tracebackLinesMax)
        .filter(line => line !== '')
        .map(line => `      ${line}`),
    ]),
    ...(failedOnlyInOld > 0 ? [`  ${counted(failedOnlyInOld, 'call')} failed in the running code alone`] : []),
  ]
}

const us = (value: number): string => `${value >= 100 ? Math.round(value) : Number(value.toPrecision(2))} us`

function deadLines({ onlyOld, onlyNew, reasons }: ShadowStage['dead']): readonly string[] {
  return [
    ...(onlyOld > 0 ? [`  ${counted(onlyOld, 'row')} dead in the running code alone`] : []),
    ...(onlyNew > 0 ? [`  ${counted(onlyNew, 'row')} dead in the new code alone`] : []),
    ...Object.entries(reasons).map(([reason, count]) => `      ${counted(count, 'row')}: ${reason}`),
  ]
}

const titles = { rows: 'rows', side: 'side output', state: 'state' } as const satisfies Record<
  ShadowTable['kind'],
  string
>

function tableLines(table: ShadowTable): readonly string[] {
  const { kind, name, compared, missing, more, columns, added, gone, retyped } = table
  const what = kind === 'state' ? 'key' : 'row'
  const title = kind === 'rows' ? titles.rows : `${titles[kind]} "${name}"`
  const differing = columns.filter(({ differ }) => differ > 0)
  const same = columns.length - differing.length
  const notes = [
    ...(missing > 0 ? [`${counted(missing, what)} missing`] : []),
    ...(more > 0 ? [`${counted(more, what)} more`] : []),
    ...named('new column', added),
    ...named('without column', gone),
    ...named('another type of', retyped),
  ]
  const equal = same > 0 ? [`${counted(same, 'column')} the same`] : []
  return [
    `  ${title}: ${[counted(compared, what), ...equal, ...notes].join(', ')}`,
    ...differing.flatMap(({ column, differ, examples }) => [
      `    ${column}: ${whole(differ)} of ${counted(compared, what)} differ`,
      ...examples.map(one => `      ${text(one.old)} is ${text(one.new)} in the new code, of ${text(one.of)}`),
    ]),
  ]
}

const named = (what: string, names: readonly string[]): readonly string[] => names.map(name => `${what} ${name}`)

/** Long ones are cut: `--json` has all of it. */
function text(value: unknown): string {
  const json = JSON.stringify(value)
  return json.length > 120 ? `${json.slice(0, 117)}...` : json
}

/** Columns and reasons are no names of ours, and stay as they are. */
export const shadowJson = ({ stages, ...report }: ShadowReport): object => ({
  verdict: report.verdict,
  ended: report.ended,
  seconds: report.seconds,
  rows_seen: report.rowsSeen,
  rows_compared: report.rowsCompared,
  losses: report.losses,
  swap: report.swap,
  stages: stages.map(({ stage, rowsSeen, rowsCompared, tables, dead, failures, failedOnlyInOld, usPerRow }) => ({
    stage,
    rows_seen: rowsSeen,
    rows_compared: rowsCompared,
    us_per_row: usPerRow,
    tables,
    dead: { both: dead.both, only_old: dead.onlyOld, only_new: dead.onlyNew, reasons: dead.reasons },
    failures,
    failed_only_in_old: failedOnlyInOld,
  })),
})
