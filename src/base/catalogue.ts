/**
 * Every error code with its title and its standing hint. Codes never change and are never used again for something else.
 *
 * Thousands: 1 plan, 2 transform and contract, 3 worker, 4 connector, 5 protocol, 6 state, 7 access, 8 environment.
 */
export interface CatalogueEntry {
  readonly title: string
  readonly hint: string
}

const entries = {
  // 1xxx: the job is wrong
  ANB1000: { title: 'the plan has faults', hint: 'fix each fault listed below; nothing was started' },
  ANB1001: { title: 'column does not exist', hint: 'use one of the columns that the stream has at this point' },
  ANB1002: {
    title: 'column has another type',
    hint: 'declare the type that the stream has, or convert the column in a transform before',
  },
  ANB1003: { title: 'operator id is not unique', hint: 'give one of them its own id: { id: "..." }' },
  ANB1004: { title: 'keyed transform without a key', hint: 'put .keyBy("column") before it' },
  ANB1005: { title: 'stream goes nowhere', hint: 'end it with .to(sink), or remove it' },
  ANB1006: { title: 'job has no source or no sink', hint: 'begin with .from(source) and end with .to(sink)' },
  ANB1007: { title: 'side output does not exist', hint: 'declare it in Python with side={"name": {...}}' },
  ANB1008: {
    title: 'schemas of a union differ',
    hint: 'make both sides have the same columns with the same types, for example with .select(...)',
  },
  ANB1009: { title: 'types file is stale', hint: 'run: npx anabranch types transforms.py' },
  ANB1010: { title: 'name or path is not allowed', hint: 'use letters, digits, dot, dash and underscore' },
  ANB1011: {
    title: 'wrong kind of transform here',
    hint: '.apply takes @transform and @keyed, .filter takes @filter, .flatMap takes @flat_map',
  },
  ANB1012: { title: 'two functions have one name', hint: 'rename one of the Python functions' },
  ANB1013: { title: 'job file does not export a job', hint: 'export default job("name").from(...)...to(...)' },
  ANB1014: {
    title: 'parameter is not known or has the wrong type',
    hint: 'declare it in job(name, { params: { ... } })',
  },
  ANB1015: {
    title: 'type is not known',
    hint: 'use one of the types of anabranch, for example "int64" or "timestamp[ms, UTC]"',
  },
  ANB1016: { title: 'sinks collide', hint: 'give each sink a path of its own' },
  ANB1017: { title: 'option has a value that is not allowed', hint: 'write one of the values that the message names' },
  ANB1018: {
    title: 'input files do not fit the declared schema',
    hint: 'write the schema anew with: npx anabranch types --from FILE',
  },
  ANB1019: { title: 'no input file matches', hint: 'check the glob; it is relative to the job file' },
  ANB1020: {
    title: 'module could not be imported',
    hint: 'mend the line of yours that the traceback ends with, then run again',
  },
  ANB1021: {
    title: 'portable plan cannot be read',
    hint: 'write it anew with this version: npx anabranch plan --json',
  },
  ANB1022: {
    title: 'state column has a type that cannot be kept as state',
    hint: 'keep flat types (bool, numbers, utf8, binary, dates and times), and name entries of maps by a column of inputs, or "all"',
  },
  ANB1023: { title: 'unbounded source', hint: 'end it with Ctrl-C: what was read is finished' },
  ANB1024: { title: 'column stands twice', hint: 'keep one of them, or rename one' },
  ANB1025: {
    title: 'at_end has no side output',
    hint: 'declare one in Python: side={"totals": {...}} with the columns that at_end returns',
  },
  ANB1026: { title: 'order cannot be given up here', hint: 'leave out order="unordered" of ab.Calls' },
  ANB1027: {
    title: 'new code does not fit the running job',
    hint: 'declare what the message names as the running code does, or stop the job and start it with the new code',
  },
  ANB1028: {
    title: 'sink shows rows only at the end of a run',
    hint: "give the job epoch: 'off', or let the sink show rows as they come: delivery: 'at-least-once'",
  },
  // 2xxx: user code on data
  ANB2001: { title: 'transform raised on a row', hint: 'the traceback shows the line; the row is in the dead letter' },
  ANB2002: { title: 'row rejected by the transform', hint: 'ab.reject was called for it' },
  ANB2003: { title: 'row does not parse', hint: 'mend the line in the source file, or declare the column as it comes' },
  ANB2004: {
    title: 'too many dead rows',
    hint: 'look at DIR/dead-letters: npx anabranch dlq list DIR; raise the limit with job(name, { maxDead }) if this is expected',
  },
  ANB2005: {
    title: 'transform never succeeded',
    hint: 'every single row failed: the fault is in the transform, not in the data',
  },
  ANB2006: { title: 'null key', hint: 'keyBy(..., { nullKeys: "group" | "drop" }) decides otherwise' },
  ANB2007: {
    title: 'transform ran out of memory on a row',
    hint: 'raise job option workerMemory, or produce less for one row',
  },
  ANB2008: {
    title: 'row killed or hung the worker',
    hint: 'the dead letter shows the signal and the stack; run the row alone with the capture',
  },
  ANB2009: { title: 'a service that the transform calls is away', hint: 'the lane was held and tried again' },
  ANB2010: {
    title: 'service away for too long',
    hint: 'no call succeeded within transientMaxMs; start again when the service is back',
  },
  ANB2011: {
    title: 'a batch of async calls took longer than a call may',
    hint: 'the batch is halved; raise capacity in ab.Calls, or timeout_ms of the transform',
  },
  ANB2012: {
    title: 'too many rows break a contract',
    hint: 'look at DIR/dead-letters: npx anabranch dlq list DIR; raise maxRatio of the check if this is expected',
  },
  ANB2013: {
    title: 'new code was thrown away',
    hint: 'look at the errors, mend the module, and swap again; the old code goes on',
  },
  ANB2101: { title: 'transform returned other columns than declared', hint: 'return exactly the columns of outputs' },
  ANB2102: {
    title: 'transform returned another number of rows',
    hint: 'return one value for each row, or use @flat_map',
  },
  ANB2103: { title: 'transform returned no columns', hint: 'return a dict of columns' },
  ANB2104: { title: 'transform returned a column of another type', hint: 'cast in Python, or change the declaration' },
  ANB2105: {
    title: 'transform returned a null where none is allowed',
    hint: 'fill the nulls, or drop .required() from the declaration',
  },
  ANB2106: {
    title: 'transform returned a wrong parent',
    hint: 'parent is int32: for each row out the number of its row in, ascending',
  },
  ANB2107: {
    title: 'transform returned too much for one row',
    hint: 'one call may return 256 MiB; emit less for a row',
  },
  ANB2108: { title: 'state of one key is too large', hint: 'keep less for a key' },
  ANB2109: { title: 'transform used something it did not declare', hint: 'declare it in the decorator' },
  ANB2110: {
    title: 'row broke a contract that stops the job',
    hint: 'let such rows go to the dead letters: .check(contract, { onFail: "dead-letter" })',
  },
  ANB2111: {
    title: 'sink refused rows',
    hint: 'refuse them before the sink: ab.reject in a transform, or .check(contract)',
  },
  ANB2112: {
    title: 'sink returned something',
    hint: 'return nothing when the service has the rows, and raise when it does not',
  },
  // 3xxx: processes
  ANB3001: { title: 'worker was lost', hint: 'its batch was sent to another worker' },
  ANB3002: {
    title: 'worker did not answer before its deadline',
    hint: 'raise timeout_ms of the transform if a call may take that long',
  },
  ANB3003: { title: 'worker could not start', hint: 'read what it printed below' },
  ANB3004: { title: 'workers die again and again', hint: 'read what the last one printed below' },
  ANB3005: { title: 'worker was larger than its memory limit', hint: 'raise job option workerMemory' },
  ANB3006: {
    title: 'worker stopped answering heartbeats',
    hint: 'the machine may be overloaded, or the process was stopped',
  },
  ANB3007: {
    title: 'workers cannot be forked',
    hint: 'they are started one by one, which takes longer; a package may have started a thread as Python starts',
  },
  ANB3008: {
    title: 'run was cancelled',
    hint: 'start it again: it goes on behind its last epoch, or begins anew where it has none',
  },
  // 4xxx: outside systems
  ANB4001: { title: 'file cannot be read', hint: 'check that it exists and may be read' },
  ANB4002: { title: 'file is damaged', hint: 'fetch or write the file again' },
  ANB4003: { title: 'file cannot be written', hint: 'check space and permissions' },
  ANB4004: { title: 'file changed while it was read', hint: 'give the job files that nobody writes to' },
  ANB4005: { title: 'path leaves the output folder', hint: 'sink paths are relative to --out' },
  ANB4006: { title: 'socket cannot be opened', hint: 'check the address' },
  ANB4007: { title: 'output folder is in use', hint: 'wait for the other run, or give another --out' },
  ANB4008: { title: 'output folder holds something else', hint: 'give another --out' },
  ANB4009: { title: 'line is too long', hint: 'lines may have up to 64 MiB' },
  ANB4010: { title: 'own connector failed', hint: 'read its stack; the first line is yours' },
  ANB4011: { title: 'own connector broke its contract', hint: 'try it with the cases of anabranch/testing' },
  ANB4012: {
    title: 'input is not what the run began with',
    hint: 'put back what was there, or begin anew: give another --out',
  },
  ANB4020: {
    title: 'no job runs there',
    hint: 'start it: npx anabranch run JOB.ts; or name DIR where it was started with --out DIR',
  },
  ANB4021: {
    title: 'running job does not answer',
    hint: 'the machine may be overloaded; look whether its process lives',
  },
  ANB4030: { title: 'table does not fit the rows', hint: 'change the table, or the columns of the job' },
  ANB4031: { title: 'database is away', hint: 'start it, then run again' },
  ANB4032: { title: 'database refused', hint: 'read what it says' },
  ANB4033: { title: 'sink raised', hint: 'the traceback shows the line; the rows are sent first by the next run' },
  ANB4034: {
    title: 'sink loses its worker with the same rows again and again',
    hint: 'read what the last one printed below',
  },
  // 5xxx: protocol
  ANB5001: { title: 'frame could not be accepted', hint: 'the worker was replaced and the batch sent again' },
  ANB5002: { title: 'worker speaks another version', hint: 'install the same version of the Python package' },
  ANB5003: { title: 'both sides disagree twice in a row', hint: 'this is a bug of ours: report it with the log' },
  ANB5004: { title: 'request to a running job cannot be read', hint: 'send lines such as {"id": 1, "do": "status"}' },
  // 6xxx: state
  ANB6001: { title: 'state cannot be kept', hint: 'keep less for each key, or give another --out' },
  ANB6010: {
    title: 'state is damaged',
    hint: 'start from a savepoint: anabranch run --from SAVEPOINT; nothing was changed',
  },
  ANB6011: {
    title: 'state could not be written',
    hint: 'make room on the disk, or look at its errors; then run again',
  },
  ANB6012: {
    title: 'state is in use',
    hint: 'stop the run that has it: npx anabranch stop DIR; where a savepoint is made of it or a state command reads it, try again when that is done',
  },
  ANB6013: { title: 'state belongs to somebody else', hint: 'give another --out' },
  ANB6014: {
    title: 'state was written by another version',
    hint: 'run it with the version that wrote it, or a later one',
  },
  ANB6015: { title: 'state folder cannot be used', hint: 'mend what the message names, then run again' },
  ANB6016: {
    title: 'stored state does not fit the declared one',
    hint: 'declare what is stored, or a migration; adding with a default, dropping and widening need none',
  },
  ANB6017: {
    title: 'migration of state failed',
    hint: 'mend the migration, then run again; what is stored is as it was',
  },
  ANB6018: {
    title: 'stored state has no operator',
    hint: 'bring the operator back or give it its old id; or leave its state behind: --drop-state ID',
  },
  ANB6019: {
    title: 'keys of state are not those that were written',
    hint: 'start from a savepoint: anabranch run --from SAVEPOINT; and report it, since this is a mistake of ours',
  },
  ANB6020: { title: 'output of an epoch is gone', hint: 'restore the output folder as a whole, or give another --out' },
  ANB6021: {
    title: 'marker of a sink is gone or damaged',
    hint: 'restore what the sink writes to, or give another --out',
  },
  ANB6030: { title: 'savepoint is damaged', hint: 'take another savepoint, or another copy of this one' },
  ANB6031: {
    title: 'savepoint was written by a later version',
    hint: 'start it with the version that wrote it, or a later one',
  },
  ANB6032: { title: 'savepoint is there already', hint: 'give another --name, or delete that one' },
  ANB6033: { title: 'savepoint could not be made', hint: 'mend what the message names, then ask again' },
  ANB6034: {
    title: 'savepoint cannot be read',
    hint: 'give the folder that holds savepoint.json: DIR/savepoints/NAME',
  },
  ANB6035: { title: 'savepoint is of another job', hint: 'start the job that it is of' },
  ANB6036: {
    title: 'sink has more than the savepoint',
    hint: 'start from the newest savepoint or give another --out; or consent to what is written twice: --rewind',
  },
  ANB6037: { title: 'savepoint is needed', hint: 'delete it when the run that began at it is finished' },
  ANB6038: {
    title: 'source of swapped code is gone',
    hint: 'bring back DIR/state/code, start from a savepoint, or change the module of the job to run its own code',
  },
  ANB6101: { title: 'record of an epoch cannot be read', hint: 'start from a savepoint, or anew with --fresh' },
  ANB6102: { title: 'sink is ahead of the state', hint: 'bring back the newest state, or start anew with --fresh' },
  ANB6103: { title: 'state belongs to another job', hint: 'give another --out, or start anew with --fresh' },
  // 7xxx: access
  ANB7001: { title: 'not allowed', hint: 'ask the owner of the job' },
  ANB7002: { title: 'too many clients', hint: 'end some of those that wait for the job' },
  // 8xxx: this machine
  ANB8001: {
    title: 'Python was not found',
    hint: 'run: npx anabranch setup (it makes .venv), or set ANABRANCH_PYTHON',
  },
  ANB8002: { title: 'Python or a package of it is too old or missing', hint: 'run: npx anabranch setup' },
  ANB8003: { title: 'usage', hint: 'npx anabranch --help' },
  ANB8004: { title: 'a limit of this machine was reached', hint: 'raise it: ulimit -n 4096' },
  ANB8005: { title: 'types cannot be kept in the other language', hint: 'use another name or type in Python' },
  ANB8006: {
    title: 'the Python side could not be set up',
    hint: 'read the lines above, then run: npx anabranch setup',
  },
  ANB8007: { title: 'folder is not empty', hint: 'give the name of a folder that does not exist' },
  ANB8009: { title: 'capture cannot be replayed', hint: 'capture the call again with this version' },
  ANB8008: { title: 'this system is not supported', hint: 'use Linux or macOS; on Windows use WSL 2' },
  ANB8011: { title: 'failpoints cannot be armed', hint: 'unset ANABRANCH_FAILPOINT' },
  ANB8012: { title: 'running job does not take this', hint: 'the job keeps nothing that this could be made of' },
  ANB8010: { title: 'the anabranch command was not found', hint: 'npm install, or set ANABRANCH_CLI to the command' },
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof entries
export const catalogue: Readonly<Record<ErrorCode, CatalogueEntry>> = entries
