// Package interp runs a script's shell text and hands each instruction that the shell
// reaches to a Builder.
//
// The shell is mvdan.cc/sh. The current stage is held in a shell variable, so that the
// shell's own rules scope it: functions share it, a subshell, $(…) and & have a copy.
// The stage's ENV and ARGs are kept as shell variables of the same names:
//
//   - after an instruction they are set to the stage's values; the script's own values
//     of these names are put aside;
//   - before an instruction they are set again, so that in operands the stage's value
//     wins over what the script has assigned meanwhile. That assignment is what is put
//     aside then;
//   - a name that the next stage does not have gets the script's own value back, or is
//     unset, unless the script has assigned it since;
//   - an ARG before the first FROM is an ordinary variable of the script.
//
// Before it is run, the text is prepared: every statement is preceded by a command that
// notes where the shell is, and background jobs are wrapped so that none is lost. These
// commands have names that no script can hold.
//
// A script is hermetic: it runs no program, writes no file, and reads only inside the
// context folder, unless Options open more. A script that tries ends at once, forgiven
// or not. What fails inside the rules is a status, as in any shell, and the error is
// remembered until the script has ended because of it. An expansion that fails,
// as by a division by zero, ends the script.
//
// The package does not know what instructions do, and it does not print errors.
package interp
