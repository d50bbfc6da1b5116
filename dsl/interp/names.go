package interp

// The commands that prepared text has. They begin with a character that a script may
// hold only in a quoted word, and that no program's name begins with.
const (
	own           = "\x01"
	cmdAt         = own + "at"                     // N: the shell is at mark N
	cmdSame       = own + "same"                   // [STATUS]: repeats a status
	cmdEnter      = own + "enter"                  // STATUS: a function begins
	cmdBranch     = own + "branch"                 // a subshell begins
	cmdFork       = own + "fork"                   // a background job is about to begin
	cmdForked     = own + "forked"                 // PID: it has begun
	cmdEnd        = own + "end"                    // it has ended, with the status before
	cmdFresh      = own + "fresh"                  // FLAGS NAME…: names that were declared in a function
	cmdNeeds      = own + "needs"                  // N: the shell is at need N of text without marks
	cmdTrapped    = own + "trapped"                // an ERR trap begins; not 0 if the failure has had one
	cmdShift      = own + "shift"                  // $# [N]: shift
	cmdLost       = own + "lost"                   // a substitution has failed, whose status no one asks for
	cmdOperands   = own + "operands"               // WORD…: an instruction's operands
	cmdDocument   = own + "document"               // standard input is a heredoc's body
	cmdCopy       = own + "copy"                   // standard input to standard output
	cmdDeclare    = own + "declare"                // VARIANT WORD…: export and the like
	cmdBuiltin    = own + "builtin"                // NAME WORD…: a builtin
	instructionNo = own + "instruction:"           // second word of an instruction
	jobInput      = "/dev/null/" + own             // + JOB: a job's standard input
	jobErrors     = "/dev/null/" + own + "errors"  // + JOB: a job's standard error
	sourcedFile   = "/dev/null/" + own + "sourced" // the file that is just sourced
)

// The variables that the interpreter keeps in the shell, to be scoped by it.
const (
	varPrefix   = "SHBUILD_"
	varStage    = varPrefix + "STAGE" // index of the current stage's record
	varAt       = varPrefix + "AT"    // the mark that the shell is at
	varStack    = varPrefix + "STACK" // marks of the calls that it is in, innermost first
	varStatus   = varPrefix + "STATUS"
	varShell    = varPrefix + "SHELL"     // the subshell that it is; "" at the top level
	varJob      = varPrefix + "JOB"       // the background job that it is
	varFork     = varPrefix + "FORK"      // the background job that it begins
	varPID      = varPrefix + "PID_"      // + PID: the job with that process id
	varExit     = varPrefix + "EXIT"      // the mark of the exit that ended it
	varFunction = varPrefix + "FUNCTION_" // + NAME: there is a function that hides the builtin
	varText     = varPrefix + "TEXT"      // what printf -v has printed
	varTaken    = varPrefix + "TAKEN"     // where expanded operands go
	varForgiven = varPrefix + "FORGIVEN"  // the function that it is in was called where failure is forgiven
	varLocals   = varPrefix + "LOCALS"    // the names that the function that it is in has declared
	varTrapped  = varPrefix + "TRAPPED"   // an ERR trap has run since the last mark
)
